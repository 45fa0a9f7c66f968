import ArgumentParser
import Collectives
import Config
import Datasets
import Files
import Preparation
import Reporting
import Runs
import Serving

/// `precise export`: item and user embeddings into files.
struct ExportCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes item and user embeddings for a nearest-neighbor index.",
    discussion: """
      Examples:
        precise export run/ --out embeddings/
        precise export run/ --out embeddings/ --format npy --items new_items.csv
        precise export run/ --out fresh/ --events today.csv --data dataset-today/

      Writes items.safetensors and users.safetensors (a tensor embeddings [rows, d] of float32) with their ids row for row in \
      items.txt and users.txt, or the same as .npy, or items.jsonl and users.jsonl, or items.parquet and users.parquet (columns \
      id and embedding); and export.json, which says what they are of. The product of a user's and an item's embedding is the \
      score that evaluation ranks by: a logit, without logit_scale.

      Beside them stands model_card.md, a page about the model. Users are embedded from all their events, ready to serve; --history training leaves the held-out ones out. New items \
      (columns as in the items file of prepare, or item,text; csv, tsv, jsonl or parquet by the file's name, or a folder) are embedded from \
      their text alone and stand behind the known ones; ids that the data set has are counted and left out.

      --events exports the users of a file instead, by what they have just done. --data may be a newer data set, appended to \
      the run's: known items are found by their ids, new ones are embedded from their texts, nothing is trained.
      """)

  @OptionGroup var trained: TrainedRunOptions
  @Option(name: .customLong("out"), help: ArgumentHelp("The folder to make.", valueName: "folder"), completion: .directory)
  var output: String
  @Option(
    help: "The files' format: safetensors, npy, jsonl or parquet.", completion: .values(of: EmbeddingFormat.self),
    transform: EmbeddingFormat.parse)
  var format = EmbeddingFormat.safetensors
  @Option(
    help: "The events a user is embedded from: all or training.", completion: .values(of: ServedModel.HistoryExtent.self),
    transform: ServedModel.HistoryExtent.parse)
  var history = ServedModel.HistoryExtent.all
  @OptionGroup var newItemOptions: NewItemOptions
  @OptionGroup var eventOptions: EventOptions
  @Flag(help: "Replace an earlier export that stands at --out.")
  var overwrite = false
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard eventOptions.events == nil || history == .all else {
      throw ValidationError("--history goes without --events, all of which are read")
    }
    guard eventOptions.events != "-" || newItemOptions.newItems != "-" else {
      throw ValidationError("only one of --events and --items can be standard input")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let run = try trained.open()
      let events = try eventOptions.read(run, at: trained.at, console)
      try rankOptions.run(atMost: run.dataset.shardCount, byHost: run.config.compute.byHost, console: console) { [self] in
        try export(run, events, on: $0, $1)
      }
    }
  }

  private func export(
    _ run: TrainedRun, _ events: FreshEvents?, on communicator: any Communicator, _ console: Console
  ) throws {
    let served = try trained.load(run, console, on: communicator, events: events, mayStream: true)
    let added = try newItemOptions.read(served, console)
    var export = EmbeddingExport(served, version: Precise.configuration.version, events: events)
    (export.format, export.history, export.overwrite) = (format, history, overwrite)
    let items = served.dataset.items.count + (added?.count ?? 0)
    let bar = ProgressBar("export", total: items + export.userCount, unit: "row", console: console)
    try export.write(to: output, newItems: added) { bar.advance(by: $0) }
    bar.finish()
    console.note(
      "\(HumanFormat.count(items, "item")) and \(HumanFormat.count(export.userCount, "user")) of width \(served.width) are in \(output)"
    )
  }
}
