import ArgumentParser
import Files
import Reporting
import Reports

/// `precise compare`: how runs differ, in configuration, metrics and training.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Shows how runs differ: configuration, metrics, training.",
    discussion: """
      Examples:
        precise compare run/ other/
        precise compare run/ other/ third/ --json

      All differences are to the first run. Metrics are those of evaluation.json, by phase and split, for all users and for groups \
      of them; * marks a difference beyond its 95 % interval. Where two runs were measured by different rules, a warning says which.
      """)

  @Argument(help: ArgumentHelp("Run directories, 2 to \(ReportedRun.most).", valueName: "run"), completion: .directory)
  var directories: [String]
  @Flag(help: "Compare every recorded metric in every group, and not only recall and NDCG at 10 and MRR without deciles.")
  var all = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard (2...ReportedRun.most).contains(directories.count) else {
      throw ValidationError("name 2 to \(ReportedRun.most) runs, not \(directories.count)")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let comparison = RunComparison(try ReportedRun.read(directories), allMetrics: all)
      guard !json else { return console.result(comparison.json.indented) }
      for line in ComparisonText(comparison, width: console.width).lines { console.result(line) }
    }
  }
}
