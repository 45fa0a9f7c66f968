public import Files

/// What `prepare` read, refused and dropped, and why.
public struct PreparationCounts: Codable, Sendable, Equatable {
  /// Rows of the interaction files, good and bad.
  @Bounded<CountBounds> public var interactionRows = 0
  /// Bad rows of all files by kind, only kinds that occurred.
  public var badRows: [BadRows] = []
  /// Events that repeat another in user, item, time, scene and behaviour (whether dropped or not).
  @Bounded<CountBounds> public var exactDuplicates = 0
  /// Events dropped by the rule for duplicates.
  @Bounded<CountBounds> public var droppedDuplicates = 0
  /// Events left out because they are older than `--since`, those of the data set that was appended to included; nil without it.
  public var eventsTooOld: Int?
  /// Users seen in good rows.
  @Bounded<CountBounds> public var usersSeen = 0
  /// Items seen in good interaction rows.
  @Bounded<CountBounds> public var itemsSeen = 0
  /// Users dropped because they had too few events.
  @Bounded<CountBounds> public var usersDropped = 0
  /// Items dropped because they had too few events.
  @Bounded<CountBounds> public var itemsDropped = 0
  /// Events dropped with their user or item.
  @Bounded<CountBounds> public var eventsDropped = 0
  /// Rounds until nobody was dropped any more.
  @Bounded<CountBounds> public var coreRounds = 0
  /// Good rows of the items files.
  @Bounded<CountBounds> public var itemRows = 0
  /// Rows of the items files whose item has no kept event.
  @Bounded<CountBounds> public var itemRowsUnused = 0
  /// Rows of the items files whose item already had a text (the first text stays).
  @Bounded<CountBounds> public var itemRowsRepeated = 0
  /// Kept items that no row gave a text.
  @Bounded<CountBounds> public var itemsWithoutText = 0

  /// Bad rows of one kind.
  public struct BadRows: Codable, Sendable, Equatable {
    /// What is wrong with them.
    public var kind: BadRowKind
    /// How many.
    @Bounded<CountBounds> public var count: Int
  }
}
