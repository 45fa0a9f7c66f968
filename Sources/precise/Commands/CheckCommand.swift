import ArgumentParser
import Collectives
import Config
import Costs
import Datasets
import Files
import Foundation
import Host
import Reporting
import Runs

/// `precise check`: what a configuration would take; validates, estimates, runs nothing.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Validates a configuration and estimates memory, wire and time; runs nothing.",
    discussion: """
      Examples:
        precise check --config Configs/demo.yaml --data dataset/
        precise check --config Configs/bench-100m.yaml --ranks 64 --ranks-per-host 8

      Reports every fault of the configuration at once and ends with 64, as train would. Then prints, for each phase, what a \
      rank holds, what it sends in a step and how long a step takes, each with its formula. Without --data the items are \
      those of the bench section. What this machine could start, in ranks, it must also have memory for, as for train: else \
      that is a fault of the configuration too.
      """)

  @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
  var config: String
  @Option(help: ArgumentHelp("The data set that it is to train on.", valueName: "folder"))
  var data: String?
  @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"))
  var overrides: [String] = []
  @Option(
    help: ArgumentHelp("Ranks of the job.", discussion: "Default: as many as train would start in one process.", valueName: "n"))
  var ranks: Int?
  @Option(
    help: ArgumentHelp(
      "Ranks on a host, which share its link.",
      discussion: "Default: 1. Given, the hosts are others than this one, whose memory then does not matter.", valueName: "n"))
  var ranksPerHost: Int?
  @Option(
    help: ArgumentHelp(
      "GFLOP/s of a rank's whole steps.",
      discussion: "Of precise bench: the GFLOP/s of the products times the share that the step reaches.", valueName: "x"))
  var gflops = StepEstimate.Constants().gigaflops
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    for (name, value) in [("--ranks", ranks ?? 1), ("--ranks-per-host", ranksPerHost ?? 1)] where !(1...1_000_000).contains(value)
    {
      throw ValidationError("\(name) must be 1 to 1000000, not \(value)")
    }
    guard gflops > 0, gflops <= 1e9 else { throw ValidationError("--gflops must be above 0 and at most 1e9, not \(gflops)") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let config = try ConfigReader.read(file: config, overrides: overrides)
      let dataset = try data.map { try Dataset(path: $0) }
      if let dataset {
        try checkConfiguration(config, dataset, file: self.config)
        try PhasePlan.checkUsers(config, dataset, only: nil, communicator: SoloCommunicator()) { console.note($0) }
      }
      let most = min(dataset?.shardCount ?? config.batch.users, config.batch.users)
      let ranks = ranks ?? max(1, min(ProcessInfo.processInfo.activeProcessorCount, most))
      if ranks > most { console.note("note: only \(most) of \(ranks) ranks have users: a virtual shard is one rank's") }
      var constants = StepEstimate.Constants()
      constants.gigaflops = gflops
      let estimates = try StepEstimate.all(config, dataset, ranks: ranks)
      let host = try checkMemory(estimates, config, ranks, console)
      let view = EstimateView(
        config: config, estimates: estimates, catalogue: catalogue(config, dataset), constants: constants,
        ranksPerHost: min(ranksPerHost ?? 1, ranks), host: host)
      if json { console.result(view.json.indented) } else { for line in view.lines { console.result(line) } }
    }
  }

  /// Holds the job against this host's memory where it is one that this host could start; nil where it is for others.
  private func checkMemory(
    _ estimates: [StepEstimate], _ config: RunConfig, _ ranks: Int, _ console: Console
  ) throws -> EstimateView.Host? {
    guard ranksPerHost == nil, ranks <= ProcessInfo.processInfo.activeProcessorCount else { return nil }
    let demand = HostDemand(estimates, config, ranks: ranks, areThreads: true)
    try refuseBeyondMemory(demand, file: self.config, console)
    return (demand, Machine.hostMemory)
  }

  /// What the estimate is about, in a few words.
  private func catalogue(_ config: RunConfig, _ dataset: Dataset?) -> String {
    if let dataset {
      return
        "\(dataset.path): \(HumanFormat.count(dataset.items.count, "item")), \(HumanFormat.count(dataset.manifest.users, "user"))"
    }
    let bench = config.bench ?? BenchConfig()
    let text = config.model.semanticDim > 0 ? "\(bench.tokens) tokens of \(bench.tokenDim)" : "no text"
    return "made-up items: \(HumanFormat.count(bench.items)), \(text), drawn by Zipf's law; every sequence full"
  }
}
