import ArgumentParser
import Collectives
import Config
import Datasets
import Files
import Reporting
import Runs
import Serving

/// `precise score`: the scores of given pairs of user and item.
struct ScoreCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Scores pairs of user and item.",
    discussion: """
      Example:
        precise score run/ --pairs pairs.csv --out scores.csv

      Reads columns user and item (csv, tsv, jsonl or parquet by the file's name; .gz; - is standard input) and writes user,item,score \
      in the same order (.gz; - is standard output). Scores are logits, the raw product of user and item embedding that \
      evaluation ranks by: good for ordering one user's items, no probabilities. Users are read with all their events. \
      A pair with an unknown id gets an empty score, unless --strict.
      """)

  @OptionGroup var trained: TrainedRunOptions
  @Option(help: ArgumentHelp("The pairs.", valueName: "file"), completion: .file())
  var pairs: String
  @Option(name: .customLong("out"), help: ArgumentHelp("Where the scores go.", valueName: "file"), completion: .file())
  var output: String
  @Flag(help: "Refuse unknown ids instead of leaving their scores empty.")
  var strict = false
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let run = try trained.open()
      try checkOutput(run)
      try rankOptions.run(atMost: run.dataset.shardCount, byHost: run.config.compute.byHost, console: console) { [self] in
        try score(run, on: $0, $1)
      }
    }
  }

  /// Throws when the scores would replace what they are made of.
  private func checkOutput(_ run: TrainedRun) throws {
    guard output != "-" else { return }
    let location = CanonicalPath(output)
    let isInput = pairs != "-" && location == CanonicalPath(pairs)
    guard isInput || run.directory.owns(location) || location.isInside(CanonicalPath(run.dataset.path)) else { return }
    throw CommandFailure(
      PreciseExit.usage, "--out \(output) is a file of the run or the data set, or --pairs itself; name a file of its own")
  }

  private func score(_ run: TrainedRun, on communicator: any Communicator, _ console: Console) throws {
    let served = try trained.load(run, console, on: communicator, mayStream: true)
    let bar = ProgressBar("score", total: nil, unit: "pair", console: console)
    let summary = try PairScorer(served, isStrict: strict).score(pairs: pairs, to: output) { bar.advance(by: $0) }
    bar.finish()
    if let first = summary.firstUnknown {
      console.note(
        "\(HumanFormat.count(summary.unknownPairs)) of \(HumanFormat.count(summary.pairs)) pairs have no score, their user or "
          + "item is not in the data set (the first: \(printable(first)))")
    }
  }
}
