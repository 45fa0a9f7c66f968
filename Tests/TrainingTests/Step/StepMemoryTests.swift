import Collectives
import Config
import Datasets
import Host
import Synchronization
import Tensors
import Testing

@testable import Costs
@testable import Runs
@testable import Training

/// What is reserved for a step against what steps take.
struct StepMemoryTests {
  /// A step large enough that what it is made of decides, not the ends of its pieces.
  private func config(_ change: String) -> RunConfig {
    var (config, bench) = (RunConfig(), BenchConfig())
    (config.model.idDim, config.model.semanticDim, config.model.length, config.model.heads) = (16, 16, 20, 2)
    (config.batch.users, config.universal.negatives, config.universal.negativesFrom) = (96, .count(300), .mixed)
    (bench.items, bench.tokens, bench.tokenDim) = (2000, 4, 24)
    switch change {
    case "no text": config.model.semanticDim = 0
    case "bf16": config.compute.precision = .bf16
    case "gated": config.model.block = .gated
    case "gated bf16": (config.model.block, config.compute.precision) = (.gated, .bf16)
    case "gaps": config.model.time = .gaps
    case "request": (config.model.time, config.compute.precision) = (.request, .bf16)
    case "concat": config.model.gateInput = .concat
    case "full softmax": config.universal.negatives = .all
    case "wide text": (bench.tokenDim, config.model.layers, config.model.length, config.batch.users) = (300, 1, 3, 600)
    case "many users": (config.model.length, config.batch.users, config.model.layers) = (2, 900, 1)
    default: break
    }
    var targeted = TargetedConfig()
    (targeted.negatives, targeted.objective.bpr, targeted.objective.softmax) = (.count(200), 1, 0.5)
    config.targeted = [targeted]
    config.bench = bench
    return config
  }

  @Test(
    arguments: [
      "", "bf16", "no text", "concat", "full softmax", "wide text", "many users", "gaps", "request", "gated", "gated bf16",
    ],
    [(1, false), (1, true), (2, false), (3, true)])
  func thePlanIsWhatAStepTakes(change: String, run: (ranks: Int, isTargeted: Bool)) throws {
    let config = config(change)
    let targeted = run.isTargeted ? config.targeted[0] : nil
    let found = Mutex<[(reserved: Int, peak: Int)]>([])
    try RankThreads.run(ranks: run.ranks) { communicator in
      let result = try Benchmark(config, targeted: targeted).run(steps: 5, warmup: 1, communicator: communicator)
      found.withLock { $0.append(result.workspace) }
    }
    for rank in found.withLock({ $0 }) {
      #expect(rank.peak <= rank.reserved)
      // The slack is chance's: four deviations of the number of distinct items.
      #expect(Double(rank.peak) > 0.9 * Double(rank.reserved), "\(rank)")
    }
    // What `precise check` says beforehand of the same steps, without seeing one.
    let plan = try #require(run.isTargeted ? PhasePlan.all(config).last : PhasePlan.all(config).first)
    let estimate = StepEstimate(config, plan, EstimateFacts(config), ranks: run.ranks)
    let expected = try #require(estimate.memory.training.first { $0.name == "a step's activations" })
    for rank in found.withLock({ $0 }) { #expect(abs(expected.bytes - Double(rank.peak)) < 0.05 * Double(rank.peak)) }
  }

  /// Real sequences differ in length: the plan is made of the first steps, and holds for all.
  @Test(arguments: [0, 1], [1, 2]) func noStepOfARunTakesMore(phase: Int, ranks: Int) throws {
    let world = try TrainingWorld()
    let config = try world.config(
      "targeted=[{name: like, behavior: \(world.behavior), history: all, negatives: 40, objective: {bpr: 1, softmax: 1}}]")
    let dataset = world.dataset
    try RankThreads.run(ranks: ranks) { communicator in
      let plan = PhasePlan.all(config, dataset)[phase]
      let model = try ModelFactory.make(
        config, dataset, try ModelFactory.tokenStates(config, dataset), communicator: communicator, userHead: plan.userHead)
      let source = try plan.batches(dataset, config, communicator: communicator)
      let negatives = try plan.negatives(config, items: dataset.items.count).map {
        try SharedNegatives(
          $0, of: source, shardCount: dataset.shardCount, isCorrected: true, communicator: communicator)
      }
      let step = TrainStep(
        model, plan: plan, config: config, precision: .fp32, steps: 60, source: source, negatives: negatives,
        communicator: communicator)
      _ = try step.run(0)
      let reserved = step.workspace.capacity
      for number in 1..<60 { _ = try step.run(number) }
      #expect(step.workspace.capacity == reserved && step.workspace.growths == 0)
      #expect(Double(step.workspace.peak) > 0.5 * Double(reserved), "\(step.workspace.peak) of \(reserved)")
    }
  }

  @Test func fullSequencesAreCountedExactly() {
    let source = MadeUpBatches(slots: 3..<10, of: 20, length: 4, items: 50, drawn: 50, targeted: false, seed: 1)
    let slice = LargestSlice(source, steps: 100, length: 4)
    #expect(slice.users == 7 && slice.positions == 28)
  }
}
