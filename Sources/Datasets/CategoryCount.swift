public import Files

/// A scene or a behaviour: its name and how much there is of it.
public struct CategoryCount: Codable, Sendable, Equatable {
  /// The name as it stood in the input.
  public var name: String
  /// Kept events.
  @Bounded<CountBounds> public var events: Int
  /// Users with at least one such event.
  @Bounded<CountBounds> public var users: Int
  /// Items with at least one such event (for scenes: or a listing in the items files).
  @Bounded<CountBounds> public var items: Int
}
