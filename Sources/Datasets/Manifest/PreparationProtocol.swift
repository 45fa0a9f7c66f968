import Files

/// How events were ordered, filtered and split: the part of the protocol that `prepare` decides.
///
/// Every metrics record repeats it, because published numbers differ by these rules more than by models.
package struct PreparationProtocol: Codable, Sendable, Equatable {
  /// `leave-one-out` or `time:CUT`, as on the command line.
  package var split = ""
  /// The split's rule in words.
  package var splitRule = ""
  /// Users with fewer kept events were dropped, to a fixed point with `minimumItemEvents`.
  @Bounded<CountBounds> package var minimumUserEvents = 0
  /// Items with fewer kept events were dropped, to a fixed point with `minimumUserEvents`.
  @Bounded<CountBounds> package var minimumItemEvents = 0
  /// `keep`, `exact` or `first`.
  package var duplicates = ""
  /// `file-order` or `shuffle:SEED`: the order of a user's events with equal times.
  package var ties = ""
  /// `item` or `item-scene`.
  package var itemKey = ""
  /// Whether an `@` inside an id or a scene has a `\` before it in `id@scene`; nil in data sets keyed by id, and of earlier versions.
  package var itemKeyEscapes: Bool?
  /// The time before which events were left out, as on the command line; nil = none was.
  package var since: String?
  /// The share and the seed of the items kept out of training, as on the command line; nil = none were.
  package var coldItems: String?
  /// The columns' names in the input files, as on the command line; nil = the usual ones, and in data sets of earlier versions.
  package var columns: String?

  package init() {}
}

/// What is doubtful about a split: ties whose order decides the held-out event, and training events from the test's future.
package struct LeakAudit: Codable, Sendable, Equatable {
  /// Users with a validation event.
  @Bounded<CountBounds> package var usersWithValidation = 0
  /// Users with a test event.
  @Bounded<CountBounds> package var usersWithTest = 0
  /// Users whose validation and test events share a time: the tie order decides which is which.
  @Bounded<CountBounds> package var validationTestTies = 0
  /// The same as a share of the users with both.
  package var validationTestTieShare = 0.0
  /// Users whose test event shares a time with an earlier event.
  @Bounded<CountBounds> package var testTies = 0
  /// The same as a share of the users with a test event.
  package var testTieShare = 0.0
  /// Time of the earliest test event of all users, microseconds since 1970; nil without test events.
  package var earliestTestTime: Int64?
  /// Training events later than that: a model trained on them has seen the future of some test (the usual leave-one-out leak).
  @Bounded<CountBounds> package var trainingAfterEarliestTest = 0
  /// The same as a share of the training events.
  package var trainingAfterEarliestTestShare = 0.0
  /// Events at or after the cut that are not a test event (time split; 0 otherwise).
  @Bounded<CountBounds> package var eventsAfterCutUnused = 0
  /// Users without an event before the cut, who are in no part of the split (time split; 0 otherwise).
  @Bounded<CountBounds> package var usersWithoutHistory = 0
  /// Exact repeats found in the input, dropped or not.
  @Bounded<CountBounds> package var exactDuplicates = 0

  package init() {}
}
