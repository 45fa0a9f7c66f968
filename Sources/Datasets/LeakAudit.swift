public import Files

/// What is doubtful about a split: ties whose order decides the held-out event, and training events from the test's future.
public struct LeakAudit: Codable, Sendable, Equatable {
  /// Users with a validation event.
  @Bounded<CountBounds> public var usersWithValidation = 0
  /// Users with a test event.
  @Bounded<CountBounds> public var usersWithTest = 0
  /// Users whose validation and test events share a time: the tie order decides which is which.
  @Bounded<CountBounds> public var validationTestTies = 0
  /// The same as a share of the users with both.
  public var validationTestTieShare = 0.0
  /// Users whose test event shares a time with an earlier event.
  @Bounded<CountBounds> public var testTies = 0
  /// The same as a share of the users with a test event.
  public var testTieShare = 0.0
  /// Time of the earliest test event of all users, microseconds since 1970; nil without test events.
  public var earliestTestTime: Int64?
  /// Training events later than that: a model trained on them has seen the future of some test (the usual leave-one-out leak).
  @Bounded<CountBounds> public var trainingAfterEarliestTest = 0
  /// The same as a share of the training events.
  public var trainingAfterEarliestTestShare = 0.0
  /// Events at or after the cut that are not a test event (time split; 0 otherwise).
  @Bounded<CountBounds> public var eventsAfterCutUnused = 0
  /// Users without an event before the cut, who are in no part of the split (time split; 0 otherwise).
  @Bounded<CountBounds> public var usersWithoutHistory = 0
  /// Exact repeats found in the input, dropped or not.
  @Bounded<CountBounds> public var exactDuplicates = 0
}
