import ArgumentParser
import Collectives
import Config
import Costs
import Files
import Reporting
import Runs

/// `precise bench`: how fast a configuration trains here, part by part.
struct BenchCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times training steps on made-up data.",
    discussion: """
      Examples:
        precise bench --config Configs/bench-base.yaml --steps 30
        precise bench --config Configs/bench-base.yaml --ranks 2 --trace trace/

      Every sequence is full and items follow Zipf's law. Prints positions a second, and the share of what the step's matrix \
      products reach when they are formed alone. For each part of the step: milliseconds, GFLOP/s, GB/s, and how near that is \
      to the roofline, the time that its operations or its bytes take at least. All is measured in the same run.
      """)

  @Option(
    help: ArgumentHelp("The configuration; its bench section describes the catalogue.", valueName: "file"),
    completion: .configuration)
  var config: String
  @Option(
    name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"),
    completion: .keys())
  var overrides: [String] = []
  @Option(help: "Steps that are timed.")
  var steps = 30
  @Option(
    help: "universal, or targeted: the first targeted phase of the configuration, or the defaults.",
    completion: .list(["universal", "targeted"]))
  var phase = "universal"
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var traceOptions: TraceOptions
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard (1...1_000_000).contains(steps) else { throw ValidationError("--steps must be 1 to 1000000, not \(steps)") }
    guard ["universal", "targeted"].contains(phase) else {
      throw ValidationError("--phase is universal or targeted, not \(phase)")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let config = try ConfigReader.read(file: config, overrides: overrides)
      let targeted = phase == "targeted" ? config.targeted.first ?? TargetedConfig() : nil
      let trace = try traceOptions.folder()
      try rankOptions.run(atMost: config.batch.users, byHost: config.compute.byHost, console: console) {
        [self] communicator, console in
        try trace?.check(ranks: communicator.size)
        if communicator.rank == 0 { try refuseBeyondMemory(communicator, config, nil, file: self.config, console) }
        try communicator.barrier()
        try RankOptions.introduce(communicator, console)
        let bar = ProgressBar("bench", total: steps + 3, unit: "step", console: console)
        let result = try trace.record(communicator, console) {
          let result = try Benchmark(config, targeted: targeted).run(steps: steps, communicator: communicator) { bar.advance() }
          bar.finish()
          return result
        }
        if let warning = result.warning { console.note("warning: \(warning)") }
        let view = BenchView(result, try Roofline.measure(communicator, precision: result.precision), phase: phase, communicator)
        if json { console.result(view.json.indented) } else { view.lines.forEach(console.result) }
      }
    }
  }
}
