import ArgumentParser
import Datasets
import Files
import Reporting

/// `precise prepare`: raw event files in, a data set out.
struct PrepareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Makes a data set out of interaction and item files.",
    discussion: """
      Example:
        precise prepare --interactions events.csv.gz --items titles.csv.gz --out dataset/

      Interaction files have a header with at least user, item and timestamp (and perhaps scene, behavior), items \
      files one with item and text (and perhaps scene). Gzip is recognised by itself; - is standard input.
      """)

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Interaction files, in order.", valueName: "file"))
  var interactions: [String]
  @Option(parsing: .upToNextOption, help: ArgumentHelp("Items files; without them items have no text.", valueName: "file"))
  var items: [String] = []
  @Option(name: .customLong("out"), help: ArgumentHelp("The folder to make.", valueName: "folder"))
  var output: String
  @Option(
    help: "The files' format: csv, tsv, jsonl, movielens-1m, amazon-2014 or amazon-2023. (default: csv)",
    transform: InputFormat.parse)
  var format = InputFormat.csv
  @Option(
    help: ArgumentHelp(
      "Names of the columns, such as user=uid,item=iid,timestamp=ts,scene=shop,behavior=kind,text=title.", valueName: "names"),
    transform: { text in try usage { try ColumnNames(text) } })
  var columns = ColumnNames()
  @Option(
    help: "The timestamps' unit: seconds (with decimals if need be) or milliseconds. (default: seconds)",
    transform: TimeUnit.parse)
  var timeUnit = TimeUnit.seconds
  @Option(
    help: ArgumentHelp(
      "leave-one-out, or time:CUT with CUT in Unix seconds or as 2014-01-31[T12:00:00Z]. (default: leave-one-out)",
      valueName: "split"),
    transform: { text in try usage { try SplitProtocol(text) } })
  var split = SplitProtocol.leaveOneOut
  @Option(help: "Users with fewer events are dropped, to a fixed point with the items.")
  var minUserEvents = 5
  @Option(help: "Items with fewer events are dropped, to a fixed point with the users.")
  var minItemEvents = 5
  @Option(
    help: ArgumentHelp(
      "Order of a user's events with equal times: file-order or shuffle:SEED. (default: file-order)", valueName: "order"),
    transform: { text in try usage { try TieOrder(text) } })
  var ties = TieOrder.fileOrder
  @Option(
    help:
      "Repeated events: keep (all), exact (drop repeats of user, item, time, scene, behavior), first (of a user with an item). (default: exact)",
    transform: DuplicateRule.parse)
  var duplicates = DuplicateRule.exact
  @Option(
    help: "What makes an item: item (its id) or item-scene (exported as id@scene). (default: item)", transform: ItemKey.parse)
  var itemKey = ItemKey.item
  @Option(help: "Number of virtual shards, 1 to 4096.")
  var virtualShards = 64
  @Option(
    help: ArgumentHelp("Bad rows to put up with: a share (0.1%) or a number. (default: 0.1%)", valueName: "limit"),
    transform: { text in try usage { try BadRowLimit(text) } })
  var maxBadRows = BadRowLimit.share(0.001)
  @Option(
    help: ArgumentHelp(
      "Memory for events (such as 512M or 2G); what is more goes through a scratch file. (default: 1G)", valueName: "size"),
    transform: parseSize)
  var memory = 1 << 30
  @Flag(help: "Replace a data set that stands at --out.")
  var overwrite = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if let problem = options.problems.first { throw ValidationError(problem) }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let bar = ProgressBar("reading", total: nil, unit: "row", console: console)
      let manifest = try Preparation(options, reporter: reporter(console, bar)).run()
      bar.finish()
      if !outputOptions.quiet { print("\(PreparationSummary(manifest))\nwritten to \(output)") }
    }
  }

  /// Bad rows are said even when quiet; stages and progress are not.
  private func reporter(_ console: Console, _ bar: ProgressBar) -> PreparationReporter {
    PreparationReporter(
      note: { line in line.hasPrefix("bad row") ? printError(line) : console.detail(line) },
      progress: { rows, bytes in bar.update(completed: rows, note: HumanFormat.bytes(bytes)) })
  }

  private var options: PreparationOptions {
    var options = PreparationOptions()
    (options.interactions, options.items, options.output, options.format) = (interactions, items, output, format)
    (options.columns, options.timeUnit, options.split, options.ties) = (columns, timeUnit, split, ties)
    (options.minimumUserEvents, options.minimumItemEvents, options.duplicates) = (minUserEvents, minItemEvents, duplicates)
    (options.itemKey, options.virtualShards, options.maximumBadRows) = (itemKey, virtualShards, maxBadRows)
    (options.memory, options.overwrite) = (memory, overwrite)
    return options
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
private func usage<Value>(_ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as InputError {
    throw ValidationError(error.description)
  }
}
