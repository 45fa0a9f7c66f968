public import Files

/// The data set that another was appended to, and what came to it: part of the new one's manifest.
public struct AppendedTo: Codable, Sendable, Equatable {
  /// The folder as it was given.
  public var path: String
  /// Its checksum.
  public var checksum: String
  /// Users that it had.
  @Bounded<CountBounds> public var users: Int
  /// Items that it had.
  @Bounded<CountBounds> public var items: Int
  /// Events that it had.
  @Bounded<CountBounds> public var events: Int
  /// Its users that have no event any more and are gone.
  @Bounded<CountBounds> public var usersGone: Int
  /// Its items that have no event any more, whether they were kept or dropped.
  @Bounded<CountBounds> public var itemsGone: Int
  /// `keep` or `drop`: what was done with them.
  public var goneItems: String
}
