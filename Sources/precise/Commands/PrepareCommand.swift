import ArgumentParser
import Collectives
import Datasets
import Files
import Preparation
import Reporting
import Synchronization
import Texts

/// `precise prepare`: raw event files in, a data set out.
struct PrepareCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Makes a data set out of interaction and item files.",
    discussion: """
      Examples:
        precise prepare --interactions events.csv.gz --items titles.csv.gz --out dataset/
        precise prepare --interactions events/ --items items.parquet --out dataset/
        precise prepare --interactions events.csv --items items.csv --columns text=title+brand,features=category --out dataset/
        precise prepare --append dataset/ --interactions today.csv.gz --items titles.csv.gz --out dataset-today/
        mpirun -n 16 precise prepare --interactions events/ --items items.parquet --out dataset/
        precise prepare --append dataset/ --interactions today.csv.gz --since 2025-06-01 --out dataset/ --overwrite

      Interaction files have a header with at least user, item and timestamp (and perhaps scene, behavior), items \
      files one with item and text (and perhaps scene). The format follows each file's name unless --format is given: .tsv, \
      .jsonl, .ndjson and .json, .parquet, anything else is csv. Gzip is recognized by itself; - is standard input. Times are \
      numbers (--time-unit) or ISO 8601, such as 2025-03-01T09:05:57+02:00 or 2025-03-01 09:05:57 (UTC).

      A folder stands for its files by name, and those of folders like day=2025-03-01 in it, whose names are columns (behavior=buy); \
      a pattern ('events-*.csv') for the files that fit it. Several files, and row groups of Parquet, are read by as many ranks side \
      by side (--ranks, or mpirun); the bytes written are the same on any number of them. Parquet takes Arrow's library, which cluster/parquet/install.sh \
      brings; its timestamps and dates have units of their own.

      Several fields of a row make one text with --columns text=title+category, and tokens of their own with \
      features=category+price_bucket.

      With --append the new data set begins with an old one's events, items and users, which keep their numbers and are never \
      dropped for having few events; rules are inherited, only --split and the minimums, which hold for new users and items, may \
      be others. The old one stays as it is. docs/data.md, "Appending".
      """)

  @Option(
    parsing: .upToNextOption, help: ArgumentHelp("Interaction files, folders or patterns, in order.", valueName: "file"),
    completion: .file())
  var interactions: [String]
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Items files, folders or patterns; without them items have no text.", valueName: "file"),
    completion: .file())
  var items: [String] = []
  @Option(help: ArgumentHelp("A data set whose events, items and users come first.", valueName: "folder"), completion: .directory)
  var append: String?
  @Option(name: .customLong("out"), help: ArgumentHelp("The folder to make.", valueName: "folder"), completion: .directory)
  var output: String
  @Option(
    help: "The files' format: csv, tsv, jsonl, parquet, movielens-1m, amazon-2014 or amazon-2023. (default: by each file's name)",
    completion: .values(of: InputFormat.self), transform: InputFormat.parse)
  var format: InputFormat?
  @Option(
    help: ArgumentHelp(
      "Names of the columns, such as user=uid,item=iid,timestamp=ts,scene=shop,behavior=kind,text=title+brand,features=category+price; one may be several.",
      valueName: "names"),
    transform: { text in try usage { try ColumnNames(text) } })
  var columns = ColumnNames()
  @Option(
    help: "The unit of times that are numbers: seconds, milliseconds, microseconds or nanoseconds. (default: seconds)",
    completion: .values(of: TimeUnit.self), transform: TimeUnit.parse)
  var timeUnit = TimeUnit.seconds
  @Option(
    help: ArgumentHelp(
      "leave-one-out, or time:CUT with CUT in Unix seconds or as ISO 8601 (2014-01-31). (default: leave-one-out)",
      valueName: "split"),
    transform: { text in try usage { try SplitProtocol(text) } })
  var split: SplitProtocol?
  @Option(
    help: ArgumentHelp(
      "Keep a share of the items out of training altogether, drawn from a seed: 0.2, 20% or 0.2:7. (default: none)",
      valueName: "share[:seed]"),
    transform: { text in try usage { try ColdItems(text) } })
  var coldItems: ColdItems?
  @Option(help: "Users with fewer events are dropped, to a fixed point with the items; with --append new ones only. (default: 5)")
  var minUserEvents: Int?
  @Option(help: "Items with fewer events are dropped, to a fixed point with the users; with --append new ones only. (default: 5)")
  var minItemEvents: Int?
  @Option(
    help: ArgumentHelp(
      "Order of a user's events with equal times: file-order or shuffle:SEED. (default: file-order)", valueName: "order"),
    transform: { text in try usage { try TieOrder(text) } })
  var ties: TieOrder?
  @Option(
    help:
      "Repeated events: keep (all), exact (drop repeats of user, item, time, scene, behavior), first (of a user with an item). (default: exact)",
    completion: .values(of: DuplicateRule.self), transform: DuplicateRule.parse)
  var duplicates: DuplicateRule?
  @Option(
    help: "What makes an item: item (its id) or item-scene (exported as id@scene). (default: item)",
    completion: .values(of: ItemKey.self), transform: ItemKey.parse)
  var itemKey: ItemKey?
  @Option(help: "Number of virtual shards, 1 to 4096. (default: 64)")
  var virtualShards: Int?
  @Option(
    help: ArgumentHelp("Leave out events before a time: Unix seconds or ISO 8601 (2014-01-31).", valueName: "time"),
    transform: { text in try usage { try EventFloor(text) } })
  var since: EventFloor?
  @Option(
    help: "Items of --append that have no event any more: keep (with their numbers) or drop. (default: keep)",
    completion: .values(of: GoneItems.self), transform: GoneItems.parse)
  var goneItems: GoneItems?
  @Option(
    help: ArgumentHelp(
      "Bad rows that are left out: a share (0.1%, or 0.001 up to 1) or a number from 2 up; more end the command. (default: 0.1%)",
      valueName: "limit"),
    transform: { text in try usage { try BadRowLimit(text) } })
  var maxBadRows = BadRowLimit.share(0.001)
  @Option(
    help: ArgumentHelp(
      "Memory for the events of this process (such as 512M or 2G); what is more goes through scratch files. (default: 1G)",
      valueName: "size"),
    transform: parseSize)
  var memory = 1 << 30
  @Flag(help: "Replace a data set that stands at --out.")
  var overwrite = false
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if let problem = options.problems.first { throw ValidationError(problem) }
    guard append != nil || goneItems == nil else { throw ValidationError("--gone-items goes with --append") }
  }

  func run() throws {
    try reportingFailures {
      let options = try append.map(appended) ?? options
      let old = try append.flatMap(encoding)
      // Under a launcher rank 0 looks for the files.
      let plan = RankOptions.isLaunched ? nil : try ReadingPlan(options)
      let progress = RankProgress()
      try rankOptions.run(atMost: plan?.count ?? 1, console: outputOptions.console) { [self] communicator, console in
        try prepare(options, plan, old, progress, on: communicator, console)
      }
    }
  }

  private func prepare(
    _ given: PreparationOptions, _ plan: ReadingPlan?, _ old: EncodingRecord?, _ progress: RankProgress,
    on communicator: any Communicator, _ console: Console
  ) throws {
    var options = given
    if !RankOptions.isLaunched { options.memory /= communicator.size }
    // Of other processes nothing is known before the end.
    let ranks = RankOptions.isLaunched && communicator.size > 1 ? " (rank 0 of \(communicator.size))" : ""
    let bar = ProgressBar("reading\(ranks)", total: nil, unit: "row", console: console)
    let reporter = reporter(console, bar, progress, communicator.rank)
    let manifest = try Preparation(options, reporter: reporter, on: communicator).run(plan)
    bar.finish()
    guard communicator.isFirst else { return }
    if outputOptions.quiet {
      for warning in manifest.warnings ?? [] { printError("warning: \(warning)") }
    } else {
      print("\(PreparationSummary(manifest))\nwritten to \(printable(output))")
      NextCommands.lines(nextCommands(manifest, old)).forEach { print($0) }
    }
  }

  /// How the data set that is appended to was encoded, before it may be replaced; nil when it was not.
  private func encoding(of path: String) throws -> EncodingRecord? {
    let dataset = try Dataset(path: path)
    return TokenStates.exist(in: dataset) ? try EncodingRecord(folder: dataset.path) : nil
  }

  /// Items with texts are encoded, as those of the old data set were; others need a configuration only.
  private func nextCommands(_ manifest: DatasetManifest, _ old: EncodingRecord?) -> [String] {
    guard manifest.users > 0 else { return [] }
    guard manifest.counts.itemsWithoutText < manifest.items else { return NextCommands.configure(output) }
    guard let old else { return NextCommands.encode(output) }
    // States of a language model come in a file that only the user knows.
    guard old.encoder == "hashed" else { return [] }
    return NextCommands.encode(output, encoding: " --dim \(old.width) --tokens \(old.tokens)")
  }

  /// Bad rows, and in the end warnings, are said even when quiet; stages and progress are not.
  private func reporter(_ console: Console, _ bar: ProgressBar, _ progress: RankProgress, _ rank: Int) -> PreparationReporter {
    guard rank == 0 else { return PreparationReporter(progress: { progress.update(rank, rows: $0, bytes: $1) }) }
    return PreparationReporter(
      note: { line in line.hasPrefix("bad row") ? printError(line) : console.detail(line) },
      progress: { rows, bytes in
        progress.update(rank, rows: rows, bytes: bytes)
        let all = progress.sum
        bar.update(completed: all.rows, note: HumanFormat.bytes(all.bytes))
      },
      total: { rows, bytes in bar.update(completed: rows, note: HumanFormat.bytes(bytes)) })
  }

  private var options: PreparationOptions {
    var options = PreparationOptions()
    (options.interactions, options.items, options.output, options.format) = (interactions, items, output, format)
    (options.columns, options.timeUnit, options.maximumBadRows, options.memory) = (columns, timeUnit, maxBadRows, memory)
    (options.overwrite, options.since, options.goneItems) = (overwrite, since, goneItems ?? options.goneItems)
    options.coldItems = coldItems
    (options.split, options.ties) = (split ?? options.split, ties ?? options.ties)
    (options.duplicates, options.itemKey) = (duplicates ?? options.duplicates, itemKey ?? options.itemKey)
    options.minimumUserEvents = minUserEvents ?? options.minimumUserEvents
    options.minimumItemEvents = minItemEvents ?? options.minimumItemEvents
    options.virtualShards = virtualShards ?? options.virtualShards
    return options
  }

  /// The options with the rules of the data set that is appended to.
  ///
  /// Throws a usage error naming every flag that contradicts them.
  private func appended(to path: String) throws -> PreparationOptions {
    let given = options
    var options = given
    try options.append(to: try Dataset(path: path), isVerifiedLater: true)
    let flags: [(name: String, isGiven: Bool, given: String, inherited: String)] = [
      ("--cold-items", coldItems != nil, given.coldItems?.description ?? "", options.coldItems?.description ?? "none"),
      ("--ties", ties != nil, "\(given.ties)", "\(options.ties)"),
      ("--duplicates", duplicates != nil, given.duplicates.rawValue, options.duplicates.rawValue),
      ("--item-key", itemKey != nil, given.itemKey.rawValue, options.itemKey.rawValue),
      ("--virtual-shards", virtualShards != nil, "\(given.virtualShards)", "\(options.virtualShards)"),
    ]
    let contradictions = flags.filter { $0.isGiven && $0.given != $0.inherited }
      .map { "\($0.name) \($0.given) (it has \($0.inherited))" }
    guard contradictions.isEmpty else {
      throw CommandFailure(
        PreciseExit.usage, "\(path) hands its rules down, so leave out \(contradictions.joined(separator: ", "))")
    }
    options.split = split ?? options.split
    // They concern new users and items alone, so that a lower one contradicts nothing.
    options.minimumUserEvents = minUserEvents ?? options.minimumUserEvents
    options.minimumItemEvents = minItemEvents ?? options.minimumItemEvents
    return options
  }
}

/// How far the ranks of this process are.
private final class RankProgress: Sendable {
  private let counts = Mutex<[Int: (rows: Int, bytes: Int)]>([:])

  func update(_ rank: Int, rows: Int, bytes: Int) { counts.withLock { $0[rank] = (rows, bytes) } }

  var sum: (rows: Int, bytes: Int) {
    counts.withLock { $0.values.reduce((0, 0)) { ($0.0 + $1.rows, $0.1 + $1.bytes) } }
  }
}

/// Bytes from `1073741824`, `512M`, `2G`, `64K`.
private func parseSize(_ text: String) throws -> Int {
  let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
  let unit = text.uppercased().last.flatMap { units[$0] }
  let number = Int(unit == nil ? text : String(text.dropLast()))
  guard let number, number >= 0, number <= Int.max >> (unit ?? 0) else {
    throw ValidationError("a size is a whole number of bytes or has K, M, G or T behind it (512M), not \(text)")
  }
  return number << (unit ?? 0)
}

/// Makes a rule's complaint about its spelling a usage error.
func usage<Value>(_ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as InputError {
    throw ValidationError(error.description)
  }
}
