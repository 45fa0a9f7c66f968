public import Files

/// How many events each part of the split has.
public struct SplitCounts: Codable, Sendable, Equatable {
  /// Training events.
  @Bounded<CountBounds> public var training = 0
  /// Validation events, one a user at most.
  @Bounded<CountBounds> public var validation = 0
  /// Test events, one a user at most.
  @Bounded<CountBounds> public var test = 0
  /// Events behind the test event, or of users that a time split leaves without a history.
  @Bounded<CountBounds> public var unused = 0
}
