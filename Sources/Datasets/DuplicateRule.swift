/// What happens to a user's repeated events.
public enum DuplicateRule: String, Sendable, CaseIterable {
  /// All stay.
  case keep
  /// Of events equal in user, item, time, scene and behaviour the first stays; the default (ours: such rows are recording errors, while the
  /// same item at another time is behaviour).
  case exact
  /// Of a user's events with one item the earliest stays.
  case first
}
