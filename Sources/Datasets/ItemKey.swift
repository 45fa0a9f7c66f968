/// What makes an item.
public enum ItemKey: String, Sendable, CaseIterable {
  /// The id: one row of the catalogue, whatever scenes it stands in.
  case item
  /// Id and scene: the same id in two scenes is two items, called `id@scene`.
  case itemScene = "item-scene"
}
