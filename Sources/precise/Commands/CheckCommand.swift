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
import Training

/// `precise check`: what a configuration would take; validates, estimates, runs nothing.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Validates a configuration and estimates memory, wire and time; trains nothing.",
    discussion: """
      Examples:
        precise check --config Configs/demo.yaml --data dataset/
        precise check --config Configs/bench-100m.yaml --ranks 64 --ranks-per-host 8

      Reports every fault of the configuration at once and ends with 64, as train would. Then says whether the run fits, how \
      many steps and hours it takes, and what to change. Behind that stands, for each phase, what a rank holds, what it sends \
      in a step and how long a step takes, each with its formula. Without --data the items are those of the bench section. \
      What this machine could start, in ranks, it must also have memory for, as for train: else that is a fault of the \
      configuration too. Times rest on a product that is timed on this machine's cores; for other hosts, on measured constants.
      """)

  @Option(help: ArgumentHelp("The configuration.", valueName: "file"), completion: .configuration)
  var config: String
  @Option(help: ArgumentHelp("The data set that it is to train on.", valueName: "folder"), completion: .directory)
  var data: String?
  @Option(
    name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"),
    completion: .keys())
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
      discussion:
        "In place of what is known of the cores. Of precise bench: the GFLOP/s of the products times the share that the step reaches.",
      valueName: "x"))
  var gflops: Double?
  @Option(
    help: ArgumentHelp(
      "Microseconds that a message to another host takes besides its bytes.",
      discussion: "Default: 10. On two hosts that carry nothing else, cluster/hostfile/messages.c measures it.", valueName: "x"))
  var latency: Double?
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    for (name, value) in [("--ranks", ranks ?? 1), ("--ranks-per-host", ranksPerHost ?? 1)] where !(1...1_000_000).contains(value)
    {
      throw ValidationError("\(name) must be 1 to 1000000, not \(value)")
    }
    guard gflops.map({ $0 > 0 && $0 <= 1e9 }) ?? true else {
      throw ValidationError("--gflops must be above 0 and at most 1e9, not \(gflops ?? 0)")
    }
    guard latency.map({ $0 >= 0 && $0 <= 1e6 }) ?? true else {
      throw ValidationError("--latency must be 0 to 1e6 microseconds, not \(latency ?? 0)")
    }
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
      let estimates = try StepEstimate.all(config, dataset, ranks: ranks)
      let host = isForThisHost(ranks) ? HostDemand(estimates, config, ranks: ranks, areThreads: true) : nil
      let constants = try constants(config, ranks, isForThisHost: host != nil)
      try show(
        config, dataset, estimates, constants, host.map { ($0, Machine.hostMemory) }, ranksWithUsers: ranks > most ? most : nil,
        console)
    }
  }

  /// Prints the estimates; throws where this host does not have the memory.
  private func show(
    _ config: RunConfig, _ dataset: Dataset?, _ estimates: [StepEstimate], _ constants: StepEstimate.Constants,
    _ host: Verdict.HostFit?, ranksWithUsers: Int?, _ console: Console
  ) throws {
    let ranks = estimates[0].size.ranks
    // What this machine could start is on one host, whose ranks speak through its memory: no link counts.
    let onHost = host == nil ? min(ranksPerHost ?? 1, ranks) : ranks
    let verdict = VerdictView(
      config, try RunEstimate(config, dataset, estimates), constants, ranksPerHost: onHost, host: host,
      ranksWithUsers: ranksWithUsers, next: next)
    let view = EstimateView(
      config: config, estimates: estimates, catalogue: catalogue(config, dataset), constants: constants,
      ranksPerHost: onHost, host: host, verdict: verdict)
    if json { console.result(view.json.indented) } else { for line in view.lines { console.result(line) } }
    if let host { try refuseBeyondMemory(host.demand, file: self.config, console) }
  }

  /// The run that was checked; nil without a data set.
  private var next: String? {
    data.map { data in
      let flags = overrides.flatMap { ["--set", $0] } + (ranks.map { ["--ranks", "\($0)"] } ?? [])
      return NextCommands.train(config: config, dataset: data, flags: flags)
    }
  }

  /// Whether the job is one that this host could start; otherwise it is for others.
  private func isForThisHost(_ ranks: Int) -> Bool {
    ranksPerHost == nil && ranks <= ProcessInfo.processInfo.activeProcessorCount
  }

  /// How fast the cores are: as timed here or as measured once; of steps, as given.
  private func constants(_ config: RunConfig, _ ranks: Int, isForThisHost: Bool) throws -> StepEstimate.Constants {
    var constants = StepEstimate.Constants()
    constants.gigaflops = gflops
    constants.message = latency.map { $0 * 1e-6 } ?? constants.message
    if isForThisHost { try constants.measureProducts(ranks: ranks, config.compute.precision) }
    return constants
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
