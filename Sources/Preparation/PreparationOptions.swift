package import Datasets
import Files

/// What `prepare` is told: inputs, output, rules.
package struct PreparationOptions: Sendable {
  /// Interaction files in order, folders and patterns among them (`InputFiles`); `-` is standard input.
  package var interactions: [String] = []
  /// Items files in order, likewise; may be none.
  package var items: [String] = []
  /// The data set whose events, users and items come before those of the files; nil = none (`append(to:)`).
  package private(set) var known: Dataset?
  /// Whether the preparation compares the files of `known` with their checksums.
  private(set) var isVerifiedLater = false
  /// Events before this time are left out; nil = all stay.
  package var since: EventFloor?
  /// What becomes of items of `known` that have no event any more.
  package var goneItems = GoneItems.keep
  /// The folder to make.
  package var output = ""
  /// The format of all input files; nil = each file's name tells its own.
  package var format: InputFormat?
  /// Column names of CSV, TSV, JSONL and Parquet.
  package var columns = ColumnNames()
  /// Whether the names are those of the data set that is appended to, so that files with the usual ones do as well.
  private(set) var inheritsColumns = false
  /// Unit of timestamps that are numbers in CSV, TSV, JSONL and Parquet.
  package var timeUnit = TimeUnit.seconds
  /// How events are assigned to training, validation and test.
  package var split = SplitProtocol.leaveOneOut
  /// The items that are kept out of training; nil = none.
  package var coldItems: ColdItems?
  /// Users with fewer events are dropped (to a fixed point with the items).
  package var minimumUserEvents = 5
  /// Items with fewer events are dropped (to a fixed point with the users).
  package var minimumItemEvents = 5
  /// Order of events with equal times.
  package var ties = TieOrder.fileOrder
  /// What happens to repeated events.
  package var duplicates = DuplicateRule.exact
  /// What makes an item.
  package var itemKey = ItemKey.item
  /// How ids and scenes are joined.
  private(set) var sceneKey = SceneKey.escaped
  /// Number of virtual shards, 1 to 4,096.
  package var virtualShards = 64
  /// How many bad rows are put up with.
  package var maximumBadRows = BadRowLimit.share(0.001)
  /// Whether nothing may be left to train on: true for made-up worlds.
  package var mayLackTraining = false
  /// A rank's bytes for event buffers; what is more goes to a scratch file.
  ///
  /// Ids and texts come on top (ours: 1 GiB, 22 million events in memory).
  package var memory = 1 << 30
  /// Whether a data set at `output` may be replaced.
  package var overwrite = false

  /// The defaults.
  package init() {}

  /// Makes a data set the beginning of the new one, which inherits its rules.
  ///
  /// - Parameters:
  ///   - dataset: the data set.
  ///   - isVerifiedLater: whether its files are compared with their checksums when the preparation runs, by rank 0 for all.
  /// - Throws: `InputError` when its files are damaged or its rules are none of this program's.
  package mutating func append(to dataset: Dataset, isVerifiedLater: Bool = false) throws {
    if !isVerifiedLater { try dataset.verifyChecksums() }
    self.isVerifiedLater = isVerifiedLater
    let rules = dataset.manifest.preparation
    guard let duplicates = DuplicateRule(rawValue: rules.duplicates), let itemKey = ItemKey(rawValue: rules.itemKey),
      let ties = try? TieOrder(rules.ties), let split = try? SplitProtocol(rules.split),
      rules.coldItems.map({ (try? ColdItems($0)) != nil }) ?? true
    else {
      throw InputError("\(dataset.path)/\(DatasetManifest.fileName) has rules that this program does not know; prepare it again")
    }
    (self.duplicates, self.itemKey, self.ties, self.split) = (duplicates, itemKey, ties, split)
    coldItems = try rules.coldItems.map { try ColdItems($0) }
    (minimumUserEvents, minimumItemEvents) = (rules.minimumUserEvents, rules.minimumItemEvents)
    virtualShards = dataset.shardCount
    try inherit(rules.columns, of: dataset)
    if itemKey == .itemScene {
      sceneKey = SceneKey(dataset)
      for scene in dataset.scenes {
        try Array(scene.utf8).withUnsafeBytes { try sceneKey.check($0, "\(dataset.path)/\(DatasetManifest.fileName)") }
      }
    }
    known = dataset
  }

  /// Takes over the names of columns, unless others were given or the format has its own.
  private mutating func inherit(_ recorded: String?, of dataset: Dataset) throws {
    guard let recorded, columns == ColumnNames(), format?.hasColumns ?? true else { return }
    guard let names = try? ColumnNames(recorded) else {
      throw InputError(
        "\(dataset.path)/\(DatasetManifest.fileName) names columns in a way that this program does not know; give --columns")
    }
    (columns, inheritsColumns) = (names, true)
  }

  /// The names of columns that files may have, the likeliest first: a catalogue often calls the item otherwise than a log does.
  var columnChoices: [ColumnNames] {
    let otherItem = columns.isChosen(.item) ? [columns.withUsualName(of: .item)] : []
    return [columns] + otherItem + (inheritsColumns ? [ColumnNames()] : [])
  }

  /// What is wrong with the options themselves, a sentence each; none = all is well.
  package var problems: [String] {
    var problems: [String] = []
    if interactions.isEmpty { problems.append("give at least one interaction file with --interactions") }
    if (interactions + items).count(where: { $0 == "-" }) > 1 { problems.append("standard input (-) can be given once only") }
    if !(1...VirtualShards.maximumCount).contains(virtualShards) {
      problems.append("--virtual-shards must be 1 to \(VirtualShards.maximumCount), not \(virtualShards)")
    }
    if minimumUserEvents < 0 || minimumItemEvents < 0 {
      problems.append("--min-user-events and --min-item-events cannot be negative")
    }
    if memory < 0 { problems.append("--memory cannot be negative") }
    if let format, !format.hasColumns, columns != ColumnNames() {
      problems.append("--columns goes with csv, tsv, jsonl and parquet only; \(format.rawValue) has its own")
    }
    if let format, !format.hasColumns, timeUnit != .seconds {
      problems.append("--time-unit goes with csv, tsv, jsonl and parquet only; \(format.rawValue) has its own")
    }
    return problems
  }
}

/// A time before which events are left out.
package struct EventFloor: Sendable, Equatable, CustomStringConvertible {
  /// Microseconds since 1970-01-01 UTC; the first time that stays.
  package let time: Int64
  /// The command line's spelling.
  package let description: String

  /// Reads Unix seconds or an ISO date (`2014-01-31`, `2014-01-31T12:00:00Z`), UTC.
  package init(_ text: String) throws {
    guard let time = Timestamp.microseconds(cut: text) else {
      throw InputError("--since is a time (Unix seconds, 2014-01-31 or 2014-01-31T12:00:00Z), not \(text)")
    }
    self.time = time
    description = text
  }
}

/// What becomes of an item that has no event any more.
package enum GoneItems: String, Sendable, CaseIterable {
  /// It stays in the catalogue under its number, with no training event.
  case keep
  /// It leaves; items behind it move up.
  case drop
}

extension PreparationProtocol {
  /// What a data set's manifest says of the options that it was prepared with.
  init(_ options: PreparationOptions) {
    self.init()
    split = options.split.description
    splitRule = options.split.rule
    minimumUserEvents = options.minimumUserEvents
    minimumItemEvents = options.minimumItemEvents
    duplicates = options.duplicates.rawValue
    ties = options.ties.description
    itemKey = options.itemKey.rawValue
    itemKeyEscapes = options.itemKey == .itemScene && options.sceneKey.isEscaped ? true : nil
    since = options.since?.description
    coldItems = options.coldItems?.description
    columns = options.columns == ColumnNames() ? nil : options.columns.description
  }
}
