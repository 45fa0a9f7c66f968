import ArgumentParser
import Datasets
import Files
import Foundation
import Reporting
import Runs
import Serving

/// `precise index`: an approximate index over a run's items.
struct IndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Builds an index for approximate inner-product search, and measures what it finds.",
    discussion: """
      Examples:
        precise index run/ --out index/
        precise recommend run/ --user u0018 --index index/

      Writes items.hnsw (hnswlib's own file; labels are lines of items.txt, counted from 0), items.txt and index.json. The index \
      is over the inner product, which is the score. For 500 users of the data set the hundred best items by all products are \
      compared with those that the index finds, and the search is made wider, step by step, until --recall of them are found; \
      index.json has that width (search_width, hnswlib's ef).

      The same run gives the same items.hnsw, byte for byte, on the same kind of processor.
      """)

  @OptionGroup var trained: TrainedRunOptions
  @Option(name: .customLong("out"), help: ArgumentHelp("The folder to make.", valueName: "folder"), completion: .directory)
  var output: String
  @Option(help: ArgumentHelp("Links of an item, M; in the lowest layer twice as many.", valueName: "n"))
  var neighbors = 32
  @Option(help: ArgumentHelp("Candidates whose best become links, efConstruction.", valueName: "n"))
  var buildWidth = 200
  @Option(help: ArgumentHelp("The share of the best items that is to be found.", valueName: "share"))
  var recall = 0.98
  @Flag(help: "Replace an earlier index that stands at --out.")
  var overwrite = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard (2...256).contains(neighbors) else { throw ValidationError("--neighbors must be 2 to 256, not \(neighbors)") }
    guard (1...100_000).contains(buildWidth) else {
      throw ValidationError("--build-width must be 1 to 100000, not \(buildWidth)")
    }
    guard recall > 0, recall <= 1 else { throw ValidationError("--recall must be above 0 and at most 1, not \(recall)") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let served = try trained.load(try trained.open(), console)
      var folder = IndexFolder(served)
      (folder.builder.neighbors, folder.builder.buildWidth) = (neighbors, buildWidth)
      (folder.wantedRecall, folder.overwrite, folder.version) = (recall, overwrite, Precise.configuration.version)
      let bar = ProgressBar("index", total: served.dataset.items.count, unit: "item", console: console)
      let record = try folder.write(to: output, run: URL(fileURLWithPath: trained.directory).standardizedFileURL.path) {
        bar.advance(by: $0)
      }
      bar.finish()
      json ? console.result(try record.text) : console.result(summary(record))
      if let found = record.recall, found < recall {
        console.note(
          "warning: the index finds \(HumanFormat.decimal(found, 4)) of the best items at its widest, not the \(recall) asked "
            + "for; build it with more --neighbors or a larger --build-width")
      }
      if record.similarSearchWidth == 0, record.items > record.recallAt {
        console.note(
          "items like an item are not found wide enough: recommend --through items forms all products for them, as without an index"
        )
      }
      let phase = trained.phase.map { "--phase \(shellWord($0)) " } ?? ""
      let next = try NextCommands.recommend(
        trained.directory, served.dataset, data: trained.data, flags: "\(phase)--index \(NextCommands.word(output))")
      NextCommands.lines(next).forEach { console.note($0) }
    }
  }

  private func summary(_ record: IndexRecord) -> String {
    let size = "\(output): \(HumanFormat.count(record.items, "item")) of width \(record.width)"
    guard let recall = record.recall, let rate = record.queriesPerSecond, let exact = record.exactQueriesPerSecond else {
      return "\(size), not measured: no user has an event"
    }
    return size + ", recall@\(record.recallAt) \(HumanFormat.decimal(recall, 4)) at a search width of "
      + "\(HumanFormat.count(record.searchWidth)), \(HumanFormat.rate(rate)) queries/s; all products: \(HumanFormat.rate(exact)) "
      + "queries/s"
  }
}
