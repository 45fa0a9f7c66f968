import Batches
public import Collectives
public import Config
import Evaluation
import Foundation
import Items
import Kernels
public import Model
public import Tensors

/// Times training steps on made-up data, and holds them against the matrix products alone, in the same run.
public struct Benchmark {
  /// What was measured; times in milliseconds, medians over the steps.
  public struct Result: Sendable {
    /// Packed positions of a step.
    public var positions = 0
    /// What the products were rounded to.
    public var precision = Precision.fp32
    /// Distinct items that this rank wanted, and that it embedded for the whole job.
    public var items = (wanted: 0, owned: 0)
    /// Shared negatives of a step, without duplicates.
    public var negatives = 0
    /// A whole step.
    public var step = 0.0
    /// The fastest and the slowest step.
    public var range = 0.0...0.0
    /// Each part of a step.
    public var parts: [(part: StepPart, milliseconds: Double)] = []
    /// The step's matrix products, formed alone.
    public var products = 0.0
    /// Floating-point operations of those products.
    public var operations = 0.0
    /// What this rank sent in a step, and how long it waited, by what it was about; means over the steps.
    public var traffic: [(about: Traffic, bytes: Double, milliseconds: Double)] = []
    /// The loss of the first and the last step.
    public var losses = (first: 0.0, last: 0.0)

    /// Positions a second.
    public var positionsPerSecond: Double { Double(positions) / step * 1000 }
    /// GFLOP/s of the products alone: the ceiling.
    public var ceiling: Double { operations / products * 1e-6 }
    /// The share of the ceiling that whole steps reach.
    public var shareOfCeiling: Double { products / step }
    /// Milliseconds of a step spent in communication.
    public var waiting: Double { traffic.reduce(0) { $0 + $1.milliseconds } }
  }

  /// Prepares a benchmark of a phase: `universal`, or the name of a targeted phase.
  public init(_ config: RunConfig, targeted: TargetedConfig?) {
    self.config = config
    self.targeted = targeted
  }

  /// Runs `warmup` + `steps` steps of one rank; times are this rank's.
  public func run(
    steps: Int, warmup: Int = 3, communicator: any Communicator, progress: () -> Void = {}
  ) throws -> Result {
    Engine.prepareThread()
    let precision = try StepPrecision(config.compute, communicator: communicator).precision
    let model = makeModel(communicator)
    let users = config.batch.users
    let source = MadeUpBatches(
      slots: ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: users), length: config.model.length,
      items: bench.items, drawn: bench.drawnItems ?? bench.items, targeted: targeted != nil,
      seed: config.seed)
    let sampler = plan.negatives(items: bench.items, seed: config.seed)
    let negatives = try sampler.map {
      try SharedNegatives(
        $0, shardCount: users, correctedFor: plan.correctsChances ? source : nil, communicator: communicator)
    }
    let step = TrainStep(
      model, plan: plan, config: config, precision: precision, steps: warmup + steps, source: source, negatives: negatives,
      communicator: communicator)
    var result = Result()
    result.precision = precision
    var samples: [(total: Double, parts: [Double])] = []
    for number in 0..<(warmup + steps) {
      if number == warmup { communicator.state.resetTraffic() }
      step.clock.reset()
      let start = DispatchTime.now().uptimeNanoseconds
      let report = try step.run(number)
      let total = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6
      if number == 0 { result.losses.first = report.loss }
      result.losses.last = report.loss
      (result.positions, result.negatives) = (report.positions, report.negatives)
      result.items = (report.uniqueItems, report.ownedItems)
      if number >= warmup { samples.append((total, step.clock.seconds.map { $0 * 1000 })) }
      progress()
    }
    result.traffic = Traffic.allCases.map { about in
      let (bytes, seconds) = (communicator.state.bytes[about.rawValue], communicator.state.seconds[about.rawValue])
      return (about, Double(bytes) / Double(steps), seconds * 1000 / Double(steps))
    }
    summarise(samples, &result)
    measureProducts(model.shape, precision, ranks: communicator.size, &result)
    return result
  }

  private func summarise(_ samples: [(total: Double, parts: [Double])], _ result: inout Result) {
    let totals = samples.map(\.total)
    result.step = Self.median(totals)
    result.range = (totals.min() ?? 0)...(totals.max() ?? 0)
    result.parts = StepPart.allCases.map { part in (part, Self.median(samples.map { $0.parts[part.rawValue] })) }
  }

  /// The products of one rank's share of a step.
  private func measureProducts(_ shape: ModelShape, _ precision: Precision, ranks: Int, _ result: inout Result) {
    let (positions, users) = (result.positions / ranks, config.batch.users / ranks)
    let products = StepProducts(
      shape, positions: positions, queries: targeted == nil ? positions : users, users: users,
      items: result.items.owned, negatives: result.negatives)
    result.products = products.measure(precision) * 1000
    result.operations = products.operations
  }

  private func makeModel(_ communicator: any Communicator) -> PreciseModel {
    let model = config.model
    let fusion = FusionShape(
      idWidth: model.idDim, semanticWidth: model.semanticDim, tokenWidth: bench.tokenDim, tokens: bench.tokens,
      experts: model.experts, active: model.activeExperts, gateInput: model.gateInput == .mean ? .mean : .concat)
    let tokens = bench.tokens
    let made = PreciseModel(
      ModelShape(
        fusion: fusion, layers: model.layers, heads: model.heads, length: model.length, userHead: plan.userHead),
      table: .init(
        shape: fusion, items: bench.items, tokenCount: { _ in tokens }, rule: .adaGrad(epsilon: 1e-10), seed: config.seed,
        tokenElement: ModelFactory.element(config.compute.tokenStorage)),
      communicator: communicator)
    fill(made.items)
    return made
  }

  /// States of variance 1: uniform ones, since normal numbers for a million items would take longer than the steps.
  private func fill(_ items: ItemTable) {
    let stream = RandomStream(seed: config.seed, purpose: .benchmark, step: 1)
    let scratch = Storage<Float>(count: bench.tokens * bench.tokenDim)
    let values = Vector(scratch.base, count: scratch.count)
    for row in 0..<items.ids.rows where items.shape.readsText {
      stream.fillUniform(row: UInt64(items.item(ofLocalRow: row)), values, bound: Float(3).squareRoot())
      items.tokens.states(of: row).store(scratch.base)
    }
  }

  private var plan: PhasePlan {
    PhasePlan(
      name: targeted?.name ?? "universal", kind: targeted.map { .targeted($0) } ?? .universal(config.universal), judged: .all,
      history: History(filter: .all, length: config.model.length))
  }

  private var bench: BenchConfig { config.bench ?? BenchConfig() }

  private static func median(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 2]
  }

  private let config: RunConfig
  private let targeted: TargetedConfig?
}
