/// What becomes of an item that has no event any more.
public enum GoneItems: String, Sendable, CaseIterable {
  /// It stays in the catalogue under its number, with no training event.
  case keep
  /// It leaves; items behind it move up.
  case drop
}
