public import Datasets

/// A data set's items as an encoder sees them.
public struct DatasetItems: TextItems {
  private let dataset: Dataset
  /// The ids of an item in every scene, where items are keyed by both.
  private let sceneKeys: (@Sendable (String) -> [String])?

  /// Looks at a data set's items.
  public init(_ dataset: Dataset) {
    self.dataset = dataset
    sceneKeys = dataset.isKeyedByScene ? dataset.sceneKeys() : nil
  }

  /// The CRC-32 of the item table, as the data set's manifest has it.
  public var checksum: String {
    // The manifest's reader insists on this file, so nil cannot happen.
    dataset.manifest.files.first { $0.path == ItemCatalogue.fileName }?.crc32 ?? ""
  }

  /// The number of items V.
  public var count: Int { dataset.items.count }

  /// The outside id of an item.
  public func id(_ item: Int) -> String { dataset.items.id(item) }

  /// The text of an item; empty when it has none.
  public func text(_ item: Int) -> String { dataset.items.text(item) }

  /// The items of an outside id.
  ///
  /// In a data set whose items are keyed by id and scene, an id without a scene names that item of every scene.
  public func items(named id: String) -> [Int] {
    if let item = dataset.items.index(of: id) { return [item] }
    return (sceneKeys?(id) ?? []).compactMap { dataset.items.index(of: $0) }
  }
}
