import ArgumentParser
import Collectives
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

      Writes items.safetensors and users.safetensors (a tensor embeddings [rows, d] of float32) with their ids row for row in \
      items.txt and users.txt, or the same as .npy, or items.jsonl and users.jsonl, or items.parquet and users.parquet (columns \
      id and embedding); and export.json, which says what they are of. The product of a user's and an item's embedding is the score that evaluation ranks by: a logit, without logit_scale.

      Users are embedded from all their events, ready to serve; --history training leaves the held-out ones out. New items \
      (columns as in the items file of prepare, or item,text; csv, tsv, jsonl or parquet by the file's name) are embedded from \
      their text alone and stand behind the known ones; ids that the data set has are counted and left out.
      """)

  @OptionGroup var trained: TrainedRunOptions
  @Option(name: .customLong("out"), help: ArgumentHelp("The folder to make.", valueName: "folder"))
  var output: String
  @Option(help: "The files' format: safetensors, npy, jsonl or parquet.", transform: EmbeddingFormat.parse)
  var format = EmbeddingFormat.safetensors
  @Option(help: "The events a user is embedded from: all or training.", transform: ServedModel.HistoryExtent.parse)
  var history = ServedModel.HistoryExtent.all
  @Option(name: .customLong("items"), help: ArgumentHelp("Items that came after the data set was made.", valueName: "file"))
  var newItems: String?
  @Option(
    help: ArgumentHelp(
      "Token states of the new items, when the data set's are a language model's; ids in FILE.ids.txt.", valueName: "file"))
  var newStates: String?
  @Option(
    help: ArgumentHelp(
      "Vectors of the new items, when the data set's are from encode --vectors; ids in FILE.ids.txt, or in its lines.",
      valueName: "file"))
  var newVectors: String?
  @Flag(help: "Replace an earlier export that stands at --out.")
  var overwrite = false
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard newStates == nil || newItems != nil else { throw ValidationError("--new-states goes with --items") }
    guard newVectors == nil || newItems != nil else { throw ValidationError("--new-vectors goes with --items") }
    guard newStates == nil || newVectors == nil else { throw ValidationError("give --new-states or --new-vectors, not both") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let run = try trained.open()
      try rankOptions.run(atMost: run.dataset.shardCount, console: console) { [self] in try export(run, on: $0, $1) }
    }
  }

  private func export(_ run: TrainedRun, on communicator: any Communicator, _ console: Console) throws {
    let served = try trained.load(run, console, on: communicator, mayStream: true)
    let file = newVectors.map { ForeignFile.vectors($0) } ?? newStates.map { ForeignFile.states($0) }
    let added = try newItems.map { try NewItems(path: $0, states: file, served: served) }
    if let added { note(added, console) }
    var export = EmbeddingExport(served)
    (export.format, export.history, export.overwrite) = (format, history, overwrite)
    let users = served.dataset.manifest.users
    let items = served.dataset.items.count + (added?.count ?? 0)
    let bar = ProgressBar("export", total: items + users, unit: "row", console: console)
    try export.write(to: output, newItems: added) { bar.advance(by: $0) }
    bar.finish()
    console.note(
      "\(HumanFormat.count(items, "item")) and \(HumanFormat.count(users, "user")) of width \(served.width) are in \(output)")
  }

  private func note(_ added: NewItems, _ console: Console) {
    var parts = ["\(HumanFormat.count(added.count, "new item"))"]
    if added.list.knownRows > 0 { parts.append("\(HumanFormat.count(added.list.knownRows, "row")) of known items left out") }
    if added.list.repeatedRows > 0 { parts.append("\(HumanFormat.count(added.list.repeatedRows, "repeated row")) left out") }
    if added.itemsWithoutTokens > 0 {
      parts.append("\(HumanFormat.count(added.itemsWithoutTokens)) without text, which all get one embedding")
    }
    console.note(parts.joined(separator: ", "))
    if let warning = added.list.warning { console.note("warning: \(warning)") }
  }
}
