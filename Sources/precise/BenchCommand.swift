import ArgumentParser
import Collectives
import Config
import Files
import Kernels
import Model
import Reporting
import Training

/// `precise bench`: how fast a configuration trains here, part by part.
struct BenchCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times training steps on made-up data.",
    discussion: """
      Example:
        precise bench --config Configs/bench-base.yaml --steps 30

      Every sequence is full and items follow Zipf's law. Prints positions a second, milliseconds by part of the step, and \
      the share of what the step's matrix products reach when they are formed alone, measured in the same run.
      """)

  @Option(help: ArgumentHelp("The configuration; its bench section describes the catalogue.", valueName: "file"))
  var config: String
  @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"))
  var overrides: [String] = []
  @Option(help: "Steps that are timed.")
  var steps = 30
  @Option(help: "universal, or targeted: the first targeted phase of the configuration, or the defaults.")
  var phase = "universal"
  @Flag(help: "Print JSON.")
  var json = false
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
      try rankOptions.run(atMost: config.batch.users, console: console) { [self] communicator, console in
        try RankOptions.introduce(communicator, console)
        let bar = ProgressBar("bench", total: steps + 3, unit: "step", console: console)
        let result = try Benchmark(config, targeted: targeted).run(steps: steps, communicator: communicator) { bar.advance() }
        bar.finish()
        guard communicator.rank == 0 else { return }
        json ? printJSON(result, communicator, console) : printTable(result, communicator, console)
      }
    }
  }

  private func printTable(_ result: Benchmark.Result, _ communicator: any Communicator, _ console: Console) {
    let ranks = communicator.size == 1 ? "1 rank" : "\(communicator.size) ranks (\(communicator.carrier))"
    console.result("\(Engine.instructionSet), \(result.precision), \(ranks) of 1 thread, phase \(phase)")
    console.result(
      "\(HumanFormat.rate(result.positionsPerSecond)) positions/s, \(HumanFormat.decimal(result.step, 1)) ms a step "
        + "(\(HumanFormat.decimal(result.range.lowerBound, 1)) to \(HumanFormat.decimal(result.range.upperBound, 1))), "
        + "\(HumanFormat.count(result.positions)) positions, \(HumanFormat.count(result.items.owned)) items embedded by rank 0")
    var table = TextTable([("part", .left), ("ms", .right), ("share", .right)])
    for (part, milliseconds) in result.parts {
      table.append([
        "\(part)", HumanFormat.decimal(milliseconds, 1), "\(HumanFormat.decimal(100 * milliseconds / result.step, 1)) %",
      ])
    }
    for line in table.lines { console.result(line) }
    if communicator.size > 1 { printTraffic(result, console) }
    console.result(
      "matrix products alone: \(HumanFormat.decimal(result.products, 1)) ms, \(HumanFormat.decimal(result.ceiling, 0)) GFLOP/s; "
        + "the step reaches \(HumanFormat.decimal(100 * result.shareOfCeiling, 1)) % of that")
    console.result("loss \(HumanFormat.decimal(result.losses.first, 4)) -> \(HumanFormat.decimal(result.losses.last, 4))")
  }

  private func printTraffic(_ result: Benchmark.Result, _ console: Console) {
    var table = TextTable([("communication of rank 0", .left), ("sent", .right), ("ms", .right), ("share", .right)])
    func append(_ name: String, _ bytes: Double, _ milliseconds: Double) {
      table.append([
        name, HumanFormat.bytes(Int(bytes)), HumanFormat.decimal(milliseconds, 2),
        "\(HumanFormat.decimal(100 * milliseconds / result.step, 1)) %",
      ])
    }
    for (about, bytes, milliseconds) in result.traffic where bytes > 0 { append("\(about)", bytes, milliseconds) }
    append("all", result.traffic.reduce(0) { $0 + $1.bytes }, result.waiting)
    for line in table.lines { console.result(line) }
  }

  private func printJSON(_ result: Benchmark.Result, _ communicator: any Communicator, _ console: Console) {
    let traffic = result.traffic.map { about, bytes, milliseconds in
      JSONValue.Field("\(about)", .object([.init("bytes", .double(bytes)), .init("ms", .double(milliseconds))]))
    }
    let parts = result.parts.map { JSONValue.Field("\($0.part)", .double($0.milliseconds)) }
    console.result(
      JSONValue.object([
        .init("instruction_set", .string(Engine.instructionSet)),
        .init("precision", .string("\(result.precision)")), .init("ranks", .int(communicator.size)),
        .init("carrier", .string(communicator.carrier)),
        .init("phase", .string(phase)),
        .init("positions_per_s", .double(result.positionsPerSecond)), .init("step_ms", .double(result.step)),
        .init("step_ms_min", .double(result.range.lowerBound)), .init("step_ms_max", .double(result.range.upperBound)),
        .init("positions", .int(result.positions)), .init("unique_items", .int(result.items.wanted)),
        .init("owned_items", .int(result.items.owned)), .init("traffic", .object(traffic)),
        .init("parts_ms", .object(parts)), .init("products_ms", .double(result.products)),
        .init("ceiling_gflops", .double(result.ceiling)), .init("share_of_ceiling", .double(result.shareOfCeiling)),
        .init("first_loss", .double(result.losses.first)), .init("last_loss", .double(result.losses.last)),
      ]).indented)
  }
}
