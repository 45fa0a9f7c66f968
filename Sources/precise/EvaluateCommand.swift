import ArgumentParser
import Collectives
import Datasets
import Evaluation
import Files
import Reporting
import Training

/// `precise evaluate`: full-ranking metrics of a run's phases.
struct EvaluateCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Ranks every user's held-out item among all items.",
    discussion: """
      Example:
        precise evaluate run/ --split test

      Prints a table and records the metrics, with the protocol they were measured by, in evaluation.json. A targeted \
      phase is judged on the users whose held-out event belongs to its target, with the universal phase on the same users \
      beside it.
      """)

  @Argument(help: "The run directory.")
  var directory: String
  @Option(help: ArgumentHelp("The phase; default: all that are trained.", valueName: "name"))
  var phase: String?
  @Option(help: "Which held-out event: validation or test.", transform: EvaluationTask.Split.parse)
  var split = EvaluationTask.Split.test
  @Option(help: ArgumentHelp("The data set, when it has moved since training.", valueName: "folder"))
  var data: String?
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Overrides a key below evaluation; may be given again.", valueName: "key=value"))
  var overrides: [String] = []
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if let other = overrides.first(where: { !$0.hasPrefix("evaluation.") }) {
      throw ValidationError("--set takes keys below evaluation here, not \(other): what was trained stays as it is")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let trained = try TrainedRun(path: directory, data: data, overrides: overrides)
      try rankOptions.run(atMost: trained.dataset.shardCount, console: console) { [self] in try evaluate(trained, $0, $1) }
    }
  }

  private func evaluate(_ trained: TrainedRun, _ communicator: any Communicator, _ console: Console) throws {
    try trained.agree(communicator)
    let plans = phase == nil ? try trained.trainedPhases : [try trained.phase(named: phase)]
    guard !plans.isEmpty else { throw InputError("\(directory) holds no checkpoint; train it first") }
    var entries: [EvaluationRecord.Entry] = []
    for plan in plans {
      let bar = ProgressBar("evaluating \(plan.name)", total: nil, unit: "user", console: console)
      entries += try RunEvaluation(trained, communicator: communicator).evaluate(plan, split) { bar.advance(by: $0) }
      bar.finish()
    }
    guard communicator.rank == 0 else { return }
    json ? printJSON(entries, console) : printTables(entries, console)
    console.note("recorded in \(trained.directory.evaluationPath)")
  }

  private func printJSON(_ entries: [EvaluationRecord.Entry], _ console: Console) {
    let phases = Dictionary(grouping: entries, by: \.phase)
    let names = entries.map(\.phase).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let fields = names.map { name in
      JSONValue.Field(name, .object((phases[name] ?? []).map { .init($0.split, $0.json) }))
    }
    console.result(JSONValue.object(fields).indented)
  }

  private func printTables(_ entries: [EvaluationRecord.Entry], _ console: Console) {
    for entry in entries {
      let columns = entry.metrics.means(of: "all").map(\.name).filter {
        $0 == "mrr" || $0.hasSuffix("@10") || $0.hasSuffix("@50")
      }
      var table = TextTable(
        [("\(entry.phase), \(entry.split)", .left), ("users", .right)] + columns.map { ($0, TextTable.Alignment.right) })
      for bucket in PopularityBuckets.names {
        let means = Dictionary(uniqueKeysWithValues: entry.metrics.means(of: bucket).map { ($0.name, $0.value) })
        table.append(
          [bucket, HumanFormat.count(entry.metrics.users(in: bucket))]
            + columns.map { means[$0].map { HumanFormat.decimal($0, 4) } ?? "-" })
      }
      for line in table.lines { console.result(line) }
      console.result("")
    }
  }
}
