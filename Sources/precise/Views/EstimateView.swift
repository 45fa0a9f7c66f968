import Collectives
import Config
import Costs
import Files
import Host
import Reporting
import Training

/// Estimates as `precise check` prints them.
struct EstimateView {
  /// The links that a step's time is given for, in Gb/s.
  static let links = [10.0, 25.0, 100.0]

  let config: RunConfig
  /// One a phase.
  let estimates: [StepEstimate]
  let catalogue: String
  let constants: StepEstimate.Constants
  let ranksPerHost: Int
  /// This host, where the job is one for it.
  let host: Verdict.HostFit?
  /// What is said before the tables.
  let verdict: VerdictView

  private var ranks: Int { estimates[0].size.ranks }

  // MARK: For people

  var lines: [String] {
    let hosts = ranks == 1 ? "1 rank" : host == nil ? "\(ranks) ranks, \(ranksPerHost) a host" : "\(ranks) ranks on this host"
    var lines = verdict.lines + ["", catalogue, "\(hosts), \(config.batch.users) users a step"]
    for estimate in estimates {
      lines += ["", "phase \(estimate.phase)"]
      for table in [size(estimate), memory(estimate), traffic(estimate), times(estimate)] { lines += table + [""] }
    }
    return lines + hostLines + legend + [""] + verdict.lastLines
  }

  private var hostLines: [String] {
    guard let host else { return [] }
    let (total, free) = (HumanFormat.bytes(host.memory.total), HumanFormat.bytes(host.memory.free))
    return [
      "on this host: \(Self.bytes(host.demand.expected)) of the \(total) that \(host.memory.holder) has, \(free) of them free",
      "",
    ]
  }

  private func size(_ estimate: StepEstimate) -> [String] {
    let size = estimate.size
    var table = TextTable([("expected in a step", .left), ("number", .right), ("formula", .left)])
    let rows: [(String, Double, String)] = [
      ("positions of a rank", size.positions, "T / R"),
      ("items that a rank wants", size.wanted, "U = sum over items of 1 - (1 - p)^(E/R + N' (R-1)/R) (1 - 1/V')^N_c"),
      ("items that a rank embeds", size.owned, "O = sum over items of 1 - (1 - p)^E (1 - 1/V')^N_c, / R"),
      ("distinct negatives", size.negatives, "N = sum over items of 1 - (1 - p)^N' (1 - 1/V')^N_c"),
      ("dense parameters", Double(estimate.parameters), "P"),
    ]
    for (name, value, formula) in rows { table.append([name, HumanFormat.count(Int(value.rounded())), formula]) }
    return table.lines
  }

  private func memory(_ estimate: StepEstimate) -> [String] {
    var table = TextTable([("memory of a rank", .left), ("bytes", .right), ("formula", .left)])
    let memory = estimate.memory
    func append(_ line: MemoryEstimate.Line) { table.append([line.name, Self.bytes(line.bytes), line.formula]) }
    memory.training.forEach(append)
    table.append(["all while training", Self.bytes(memory.trainingBytes), perHost(memory.trainingBytes)])
    memory.evaluation.forEach(append)
    table.append(["all while evaluating", Self.bytes(memory.evaluationBytes), perHost(memory.evaluationBytes)])
    return table.lines
  }

  private func perHost(_ bytes: Double) -> String {
    ranksPerHost == 1 || host != nil ? "" : "\(Self.bytes(bytes * Double(ranksPerHost))) a host"
  }

  private func traffic(_ estimate: StepEstimate) -> [String] {
    var table = TextTable([("sent by a rank in a step", .left), ("bytes", .right), ("formula", .left)])
    for kind in Traffic.allCases where kind != .other {
      table.append(["\(kind)", Self.bytes(estimate.traffic.bytes(of: kind)), StepTraffic.formula(of: kind)])
    }
    table.append(["all", Self.bytes(estimate.traffic.total), ""])
    return table.lines
  }

  private func times(_ estimate: StepEstimate) -> [String] {
    // On one host every link would have the same column.
    let links = ranks > ranksPerHost ? Self.links : [Self.links[0]]
    let times = links.map { estimate.time(on: network($0), constants) }
    let columns = links.map { (links.count > 1 ? "\(Int($0)) Gb/s" : "one host", TextTable.Alignment.right) }
    var table = TextTable([("time of a step in ms", .left)] + columns + [("formula", .left)])
    func append(_ name: String, _ value: KeyPath<StepEstimate.Time, Double>, _ formula: String) {
      table.append([name] + times.map { HumanFormat.decimal($0[keyPath: value] * 1000, 1) } + [formula])
    }
    appendCompute(estimate, append)
    append("waiting for embeddings, gradients, users, sums", \.blocking, "max(link, own) of these")
    append(
      "what does not hide of the others", \.unhidden, "max(own, link - backward) of dense, max(own, link - compute) of numbers")
    if estimate.size.ranks > ranksPerHost { appendMessages(estimate, append) }
    append("step", \.total, "")
    let positions = estimate.size.positions * Double(ranks)
    table.append(["positions/s of the job"] + times.map { HumanFormat.rate(positions / $0.total) } + [""])
    return table.lines
  }

  /// What messages to other hosts take.
  private func appendMessages(_ estimate: StepEstimate, _ append: (String, KeyPath<StepEstimate.Time, Double>, String) -> Void) {
    let network = network(0)
    let ways = estimate.sendsByHost(on: network) ? "by host, (H - 1) an exchange, long parts R - h more" : "(R - h) an exchange"
    append(
      "messages to other hosts", \.messages,
      "\(HumanFormat.count(Int(estimate.messages(on: network).rounded()))) of \(HumanFormat.decimal(constants.message * 1e6, 1)) µs: \(ways)"
    )
  }

  /// What a rank computes, in one row where the speed of whole steps was given.
  private func appendCompute(
    _ estimate: StepEstimate, _ append: (String, KeyPath<StepEstimate.Time, Double>, String) -> Void
  ) {
    if let given = constants.gigaflops {
      let operations = "\(HumanFormat.decimal(estimate.gigaflop, 1)) GFLOP of products"
      return append("compute", \.compute, "\(operations) / \(HumanFormat.decimal(given, 0)) GFLOP/s")
    }
    append("products", \.products, estimate.productsText(constants))
    append(
      "rows, activations and gradients", \.moved,
      "\(Self.bytes(estimate.bytesMoved)) / \(HumanFormat.decimal(constants.moved * 1e-9, 0)) GB/s + "
        + "\(HumanFormat.decimal(constants.overhead * 1000, 1)) ms")
  }

  /// What the letters mean and what times rest on.
  private var legend: [String] {
    let software = Int(constants.software / 1e6)
    return [
      "R ranks, B users, T positions, E events of a step (T + B), V' items with training events, p an item's chance to be an event's, N_b and N_c negatives",
      "drawn from batches and from the catalogue, N' = E (1 - (1 - 1/E)^N_b) events that are drawn, K experts, k of them active, L",
      "blocks of the transformer, M token states, P dense parameters. Of U wanted rows F = A = (1 - 1/R) U are another rank's; b_g bytes",
      "of a gradient on the wire. link(b) = b h (R - h) / (R - 1) / speed for h ranks a host; own(b) = b / \(software) MB/s, for a rank's",
      "core moves its own bytes. H hosts; messages inside a host are left out. Ranks are taken to be equally loaded.",
      "Where the constants come from and how far off this is: docs/scaling.md",
    ]
  }

  private func network(_ gigabits: Double) -> StepEstimate.Network { .init(gigabits: gigabits, ranksPerHost: ranksPerHost) }

  private static func bytes(_ value: Double) -> String { HumanFormat.bytes(Int(value.rounded())) }

  // MARK: For programs

  /// A line's name as a key: `a step's row numbers` → `a_steps_row_numbers`.
  private static func key(_ name: String) -> String {
    let words = name.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" }
    return words.map { $0.filter { $0 != "'" } }.joined(separator: "_")
  }

  var json: JSONValue {
    .object([
      .init("ranks", .int(ranks)), .init("ranks_per_host", .int(ranksPerHost)), .init("users", .int(config.batch.users)),
      .init("verdict", verdict.json), .init("gflops", constants.gigaflops.map { .double($0) } ?? .null),
      .init("phases", .array(estimates.map(json))),
      .init("host", host.map(json) ?? .null),
    ])
  }

  private func json(_ host: Verdict.HostFit) -> JSONValue {
    [
      "expected_bytes": .double(host.demand.expected), "certain_bytes": .double(host.demand.certain),
      "total_bytes": .int(host.memory.total), "free_bytes": .int(host.memory.free), "holder": .string(host.memory.holder),
    ]
  }

  private func json(_ estimate: StepEstimate) -> JSONValue {
    let (size, memory) = (estimate.size, estimate.memory)
    func fields(_ lines: [MemoryEstimate.Line]) -> JSONValue {
      .object(lines.map { .init(Self.key($0.name), .double($0.bytes)) })
    }
    let times = Self.links.map { link -> JSONValue in
      let time = estimate.time(on: network(link), constants)
      return .object([
        .init("gigabits", .double(link)), .init("compute_ms", .double(time.compute * 1000)),
        .init("products_ms", .double(time.products * 1000)),
        .init("blocking_ms", .double(time.blocking * 1000)), .init("unhidden_ms", .double(time.unhidden * 1000)),
        .init("messages_ms", .double(time.messages * 1000)),
        .init("step_ms", .double(time.total * 1000)),
      ])
    }
    return .object([
      .init("name", .string(estimate.phase)), .init("messages_between_hosts", .double(estimate.messages(on: network(0)))),
      .init("positions", .double(size.positions)),
      .init("wanted_items", .double(size.wanted)),
      .init("owned_items", .double(size.owned)), .init("negatives", .double(size.negatives)),
      .init("parameters", .int(estimate.parameters)), .init("gflop", .double(estimate.gigaflop)),
      .init("memory", fields(memory.training)), .init("training_bytes", .double(memory.trainingBytes)),
      .init("evaluation_memory", fields(memory.evaluation)), .init("evaluation_bytes", .double(memory.evaluationBytes)),
      .init(
        "traffic", .object(Traffic.allCases.map { .init(RecordCoding.key(of: "\($0)"), .double(estimate.traffic.bytes(of: $0))) })
      ),
      .init("times", .array(times)),
    ])
  }
}
