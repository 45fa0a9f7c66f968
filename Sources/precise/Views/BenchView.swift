import Collectives
import Costs
import Files
import Model
import Reporting
import Tensors
import Training

/// A benchmark's result as `precise bench` prints it.
struct BenchView {
  let result: Benchmark.Result
  let roofline: Roofline
  let phase: String
  let ranks: Int
  let backend: String

  init(_ result: Benchmark.Result, _ roofline: Roofline, phase: String, _ communicator: any Communicator) {
    self.result = result
    self.roofline = roofline
    self.phase = phase
    ranks = communicator.size
    backend = communicator.backend
  }

  // MARK: For people

  var lines: [String] {
    let ranks = ranks == 1 ? "1 rank" : "\(ranks) ranks (\(backend))"
    return [
      "\(Engine.instructionSet), \(result.precision), \(ranks) of 1 thread, phase \(phase)",
      "\(HumanFormat.rate(result.positionsPerSecond)) positions/s, \(number(result.step, 1)) ms a step "
        + "(\(number(result.range.lowerBound, 1)) to \(number(result.range.upperBound, 1))), "
        + "\(HumanFormat.count(result.positions, "position")), \(HumanFormat.count(result.items.owned, "item")) embedded by rank 0",
    ] + parts + [
      "roofline of a core while all ranks work: \(number(roofline.gigaflops, 0)) GFLOP/s in its cache, "
        + "\(number(roofline.gigabytes, 1)) GB/s of memory"
    ] + aboveRoofline + traffic + [
      "matrix products alone: \(number(result.products, 1)) ms, \(number(result.ceiling, 0)) GFLOP/s; "
        + "the step reaches \(number(100 * result.shareOfCeiling, 1)) % of that",
      "loss \(number(result.losses.first, 4)) -> \(number(result.losses.last, 4))",
    ]
  }

  /// What a part is that is faster than memory.
  private var aboveRoofline: [String] {
    result.parts.contains { ($0.share(of: roofline) ?? 0) > 1 }
      ? ["above 100 %: what the part reads and writes was still in a cache, which is faster than memory"] : []
  }

  private var parts: [String] {
    var table = TextTable([
      ("part", .left), ("ms", .right), ("share", .right), ("GFLOP/s", .right), ("GB/s", .right), ("of roofline", .right),
    ])
    for part in result.parts {
      let share = part.share(of: roofline)
      table.append([
        "\(part.part)", number(part.milliseconds, 1), percent(part.milliseconds / result.step),
        part.cost.operations > 0 ? number(part.gigaflops, 1) : "-", part.cost.bytes > 0 ? number(part.gigabytes, 1) : "-",
        share.map(percent) ?? "-",
      ])
    }
    let whole = result.cost
    table.append([
      "step", number(result.step, 1), percent(1), number(whole.operations / result.step * 1e-6, 1),
      number(whole.bytes / result.step * 1e-6, 1), percent(result.share(of: roofline)),
    ])
    return table.lines
  }

  private var traffic: [String] {
    guard ranks > 1 else { return [] }
    var table = TextTable([("communication of rank 0", .left), ("sent", .right), ("ms", .right), ("share", .right)])
    func append(_ name: String, _ bytes: Double, _ milliseconds: Double) {
      table.append([name, HumanFormat.bytes(Int(bytes)), number(milliseconds, 2), percent(milliseconds / result.step)])
    }
    for (about, bytes, milliseconds) in result.traffic where bytes > 0 { append("\(about)", bytes, milliseconds) }
    append("all", result.traffic.reduce(0) { $0 + $1.bytes }, result.waiting)
    let messages = result.messages
    let away =
      messages.betweenHosts > 0
      ? "; \(number(messages.betweenHosts, 0)) of them to other hosts, with \(HumanFormat.bytes(Int(messages.bytesBetweenHosts)))"
      : ""
    return table.lines + [result.slowRanks].compactMap { $0 } + [
      "messages of rank 0 in a step: \(number(messages.all, 0))\(away)"
    ]
  }

  private func number(_ value: Double, _ digits: Int) -> String { HumanFormat.decimal(value, digits) }
  private func percent(_ share: Double) -> String { "\(number(100 * share, 1)) %" }

  // MARK: For programs

  var json: JSONValue {
    let traffic = result.traffic.map { about, bytes, milliseconds in
      JSONValue.Field(
        RecordCoding.key(of: "\(about)"), .object([.init("bytes", .double(bytes)), .init("ms", .double(milliseconds))]))
    }
    return .object([
      .init("instruction_set", .string(Engine.instructionSet)), .init("precision", .string("\(result.precision)")),
      .init("ranks", .int(ranks)), .init("backend", .string(backend)),
      .init("phase", .string(phase)),
      .init("positions_per_s", .double(result.positionsPerSecond)), .init("step_ms", .double(result.step)),
      .init("step_ms_min", .double(result.range.lowerBound)), .init("step_ms_max", .double(result.range.upperBound)),
      .init("positions", .int(result.positions)), .init("unique_items", .int(result.items.wanted)),
      .init("owned_items", .int(result.items.owned)), .init("traffic", .object(traffic)),
      .init("rank_compute_ms", .array(result.pace.computing.map { .double($0) })),
      .init("rank_wait_ms", .array(result.pace.waiting.map { .double($0) })),
      .init("slow_ranks", .array(result.pace.slow().map { .int($0) })),
      .init("messages", .double(result.messages.all)), .init("messages_between_hosts", .double(result.messages.betweenHosts)),
      .init("bytes_between_hosts", .double(result.messages.bytesBetweenHosts)),
      .init("parts", .object(result.parts.map { .init(RecordCoding.key(of: "\($0.part)"), json($0)) })),
      .init("peak_gflops", .double(roofline.gigaflops)), .init("bandwidth_gbs", .double(roofline.gigabytes)),
      .init("share_of_roofline", .double(result.share(of: roofline))), .init("products_ms", .double(result.products)),
      .init("ceiling_gflops", .double(result.ceiling)), .init("share_of_ceiling", .double(result.shareOfCeiling)),
      .init("workspace_bytes", .int(result.workspace.reserved)), .init("workspace_peak_bytes", .int(result.workspace.peak)),
      .init("first_loss", .double(result.losses.first)), .init("last_loss", .double(result.losses.last)),
    ])
  }

  private func json(_ part: Benchmark.Part) -> JSONValue {
    .object([
      .init("ms", .double(part.milliseconds)), .init("share_of_step", .double(part.milliseconds / result.step)),
      .init("gflops", .double(part.gigaflops)), .init("gbs", .double(part.gigabytes)),
      .init("share_of_roofline", part.share(of: roofline).map(JSONValue.double) ?? .null),
    ])
  }
}
