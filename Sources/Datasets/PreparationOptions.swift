/// What `prepare` is told: inputs, output, rules.
public struct PreparationOptions: Sendable {
  /// Interaction files in order; `-` is standard input.
  public var interactions: [String] = []
  /// Items files in order; may be none.
  public var items: [String] = []
  /// The folder to make.
  public var output = ""
  /// The format of all input files.
  public var format = InputFormat.csv
  /// Column names of CSV, TSV and JSONL.
  public var columns = ColumnNames()
  /// Unit of timestamps in CSV, TSV and JSONL.
  public var timeUnit = TimeUnit.seconds
  /// How events are dealt into training, validation and test.
  public var split = SplitProtocol.leaveOneOut
  /// Users with fewer events are dropped (to a fixed point with the items).
  public var minimumUserEvents = 5
  /// Items with fewer events are dropped (to a fixed point with the users).
  public var minimumItemEvents = 5
  /// Order of events with equal times.
  public var ties = TieOrder.fileOrder
  /// What happens to repeated events.
  public var duplicates = DuplicateRule.exact
  /// What makes an item.
  public var itemKey = ItemKey.item
  /// Number of virtual shards, 1 to 4,096 (default of DISTRIBUTED.md).
  public var virtualShards = 64
  /// How many bad rows are put up with.
  public var maximumBadRows = BadRowLimit.share(0.001)
  /// Bytes for event buffers; what is more goes to a scratch file. Ids and texts come on top (ours: 1 GiB, 22 million events in memory).
  public var memory = 1 << 30
  /// Whether a data set at `output` may be replaced.
  public var overwrite = false

  /// The defaults.
  public init() {}
}
