package import Collectives
package import Config
import Datasets
import Evaluation
import Host
import Model
import Runs
import Tensors
import Training

/// Times training steps on made-up data, and holds them against the matrix products alone, in the same run.
package struct Benchmark {
  private let config: RunConfig
  private let targeted: TargetedConfig?

  /// Prepares a benchmark of a phase: `universal`, or the name of a targeted phase.
  package init(_ config: RunConfig, targeted: TargetedConfig?) {
    self.config = config
    self.targeted = targeted
  }

  /// Runs `warmup` + `steps` steps of one rank; times are this rank's.
  package func run(
    steps: Int, warmup: Int = 3, communicator: any Communicator, progress: () -> Void = {}
  ) throws -> Result {
    Engine.prepareThread()
    let agreed = try StepPrecision(config.compute, communicator: communicator)
    agreed.take()
    let precision = agreed.precision
    // Model and workspace are gone before anything else is measured.
    let (shape, samples, counted) = try train(steps: steps, warmup: warmup, precision, communicator, progress)
    var result = counted
    (result.precision, result.warning) = (precision, agreed.warning)
    result.traffic = Traffic.allCases.map { about in
      let (bytes, seconds) = (communicator.state.traffic.bytes[about.rawValue], communicator.state.seconds[about.rawValue])
      return (about, Double(bytes) / Double(steps), seconds * 1000 / Double(steps))
    }
    let messages = communicator.state.messages
    result.messages = (
      Double(messages.all) / Double(steps), Double(messages.betweenHosts) / Double(steps),
      Double(messages.bytesBetweenHosts) / Double(steps)
    )
    let waiting = result.traffic.reduce(0) { $0 + $1.milliseconds }
    result.pace = try RankPace.gather(computing: max(result.meanStep - waiting, 0), waiting: waiting, communicator)
    let slow = result.pace.slow()
    result.slowRanks = slow.isEmpty ? nil : try result.pace.sentence(slow, communicator)
    let size = size(result, ranks: communicator.size)
    let rates = PhaseLearningRates(plan, config, steps: warmup + steps)
    let trained = (warmup..<(warmup + steps)).count { rates.rows(at: $0).token != nil }
    let costs = StepCosts(
      config, plan, EstimateFacts(config), shape, size, precision: precision,
      tokensTrained: Double(trained) / Double(max(steps, 1)))
    summarize(samples, costs, &result)
    let products = StepProducts(shape, size)
    result.products = products.measure(precision) * 1000
    result.operations = products.operations
    return result
  }

  /// Milliseconds of all steps, then of each part of a step.
  private typealias Samples = [[Double]]

  /// Trains a model that nobody wants: its shape, what the steps took, and what the last one was made of.
  private func train(
    steps: Int, warmup: Int, _ precision: NumberFormat, _ communicator: any Communicator, _ progress: () -> Void
  ) throws -> (ModelShape, Samples, Result) {
    let model = makeModel(communicator)
    let step = try makeStep(model, precision, steps: warmup + steps, communicator)
    var result = Result()
    // Room first: a step in the steady state allocates nothing.
    var samples = Samples(repeating: [], count: 1 + StepPart.allCases.count)
    for index in samples.indices { samples[index].reserveCapacity(steps) }
    try Timeline.record("phase", plan.name, on: communicator.state.timeline) {
      for number in 0..<(warmup + steps) {
        if number == warmup { communicator.state.resetTraffic() }
        let report = try step.run(number)
        if number == 0 { result.losses.first = report.loss }
        result.losses.last = report.loss
        (result.positions, result.negatives) = (report.positions, report.negatives)
        result.items = (report.uniqueItems, report.ownedItems)
        if number >= warmup {
          samples[0].append(step.clock.total * 1000)
          for (part, seconds) in step.clock.seconds.enumerated() { samples[1 + part].append(seconds * 1000) }
        }
        progress()
      }
    }
    result.workspace = (step.workspace.capacity, step.workspace.peak)
    result.meanStep = samples[0].reduce(0, +) / Double(max(steps, 1))
    return (model.shape, samples, result)
  }

  private func makeStep(
    _ model: PreciseModel, _ precision: NumberFormat, steps: Int, _ communicator: any Communicator
  ) throws -> TrainStep {
    let users = config.batch.users
    let source = MadeUpBatches(
      slots: ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: users), of: users,
      length: config.model.length, items: bench.items, drawn: bench.drawnItems ?? bench.items, targeted: targeted != nil,
      seed: config.seed)
    let negatives = try plan.negatives(config, items: bench.items).map {
      try SharedNegatives(
        $0, of: source, shardCount: users, isCorrected: plan.correctsLogQ, communicator: communicator)
    }
    return TrainStep(
      model, plan: plan, config: config, precision: precision, steps: steps, source: source, negatives: negatives,
      communicator: communicator)
  }

  private func summarize(_ samples: Samples, _ costs: StepCosts, _ result: inout Result) {
    result.step = Self.median(samples[0])
    result.range = (samples[0].min() ?? 0)...(samples[0].max() ?? 0)
    result.parts = StepPart.allCases.map { part in
      Part(part: part, milliseconds: Self.median(samples[1 + part.rawValue]), cost: costs[part])
    }
  }

  /// What one rank's share of a step was made of.
  private func size(_ result: Result, ranks: Int) -> StepSize {
    var size = StepSize()
    size.ranks = ranks
    size.users = Double(config.batch.users) / Double(ranks)
    size.positions = Double(result.positions) / Double(ranks)
    size.queries = targeted == nil ? size.positions : size.users
    size.wanted = Double(result.items.wanted)
    size.distinct = Double(result.items.owned * ranks)
    size.negatives = Double(result.negatives)
    return size
  }

  private func makeModel(_ communicator: any Communicator) -> PreciseModel {
    let model = config.model
    let fusion = FusionShape(
      idWidth: model.idDim, semanticWidth: model.semanticDim, tokenWidth: bench.tokenDim, tokens: bench.tokens,
      experts: model.experts, active: model.activeExperts, gateInput: model.gateInput == .mean ? .mean : .concat)
    let tokens = bench.tokens
    let made = PreciseModel(
      ModelShape(
        fusion: fusion, layers: model.layers, heads: model.heads, length: model.length,
        block: ModelFactory.form(model.block), time: ModelFactory.anchor(model.time),
        userHead: plan.userHead),
      table: .init(
        shape: fusion, items: bench.items, tokenCount: { _ in tokens }, rule: ModelFactory.rule(config.optimizer),
        seed: config.seed,
        tokenElement: config.compute.tokenStorage),
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

  private var plan: PhasePlan { PhasePlan.made(targeted, config) }

  private var bench: BenchConfig { config.bench ?? BenchConfig() }

  private static func median(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 2]
  }
}
