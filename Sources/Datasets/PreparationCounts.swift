/// What `prepare` read, refused and dropped, and why.
public struct PreparationCounts: Codable, Sendable, Equatable {
  /// Rows of the interaction files, good and bad.
  public var interactionRows = 0
  /// Bad rows of all files by kind, only kinds that occurred.
  public var badRows: [BadRows] = []
  /// Events that repeat another in user, item, time, scene and behaviour (whether dropped or not).
  public var exactDuplicates = 0
  /// Events dropped by the rule for duplicates.
  public var droppedDuplicates = 0
  /// Events left out because they are older than `--since`, those of the data set that was appended to included; nil without it.
  public var eventsTooOld: Int?
  /// Users seen in good rows.
  public var usersSeen = 0
  /// Items seen in good interaction rows.
  public var itemsSeen = 0
  /// Users dropped because they had too few events.
  public var usersDropped = 0
  /// Items dropped because they had too few events.
  public var itemsDropped = 0
  /// Events dropped with their user or item.
  public var eventsDropped = 0
  /// Rounds until nobody was dropped any more.
  public var coreRounds = 0
  /// Good rows of the items files.
  public var itemRows = 0
  /// Rows of the items files whose item has no kept event.
  public var itemRowsUnused = 0
  /// Rows of the items files whose item already had a text (the first text stays).
  public var itemRowsRepeated = 0
  /// Kept items that no row gave a text.
  public var itemsWithoutText = 0

  /// Bad rows of one kind.
  public struct BadRows: Codable, Sendable, Equatable {
    /// What is wrong with them.
    public var kind: BadRowKind
    /// How many.
    public var count: Int
  }
}
