import Collectives
import Config
import Datasets
import Host
import Model
import Synchronization
import Tensors
import Testing
import Texts
import Training

@testable import Costs
@testable import Runs

/// What `precise check` expects against what happens.
struct StepEstimateTests {
  /// The made-up world of a benchmark, small.
  private func config(_ change: (inout RunConfig) -> Void = { _ in }) -> RunConfig {
    var (config, bench) = (RunConfig(), BenchConfig())
    (config.model.idDim, config.model.semanticDim, config.model.length, config.batch.users) = (4, 4, 10, 64)
    (config.universal.negatives, config.universal.negativesFrom) = (.count(300), .mixed)
    (bench.items, bench.tokens, bench.tokenDim) = (3000, 3, 8)
    config.bench = bench
    change(&config)
    return config
  }

  private func isNear(_ found: Double, _ expected: Double, within share: Double) -> Bool {
    abs(found - expected) <= share * abs(expected)
  }

  @Test(arguments: [1, 2, 3], ["universal", "targeted"]) func aStepIsAsLargeAsExpected(ranks: Int, phase: String) throws {
    let config = config { if phase == "targeted" { $0.targeted = [TargetedConfig()] } }
    let targeted = config.targeted.first
    let plan = try #require(PhasePlan.all(config).last)
    let estimate = StepEstimate(config, plan, EstimateFacts(config), ranks: ranks)
    let results = Mutex<[Benchmark.Result]>([])
    try RankThreads.run(ranks: ranks) { communicator in
      let result = try Benchmark(config, targeted: targeted).run(steps: 2, warmup: 1, communicator: communicator)
      results.withLock { $0.append(result) }
    }
    let all = results.withLock { $0 }
    #expect(isNear(all.reduce(0) { $0 + Double($1.items.owned) }, estimate.size.distinct, within: 0.06))
    for result in all {
      #expect(Double(result.positions) == estimate.size.positions * Double(ranks))
      #expect(isNear(Double(result.items.wanted), estimate.size.wanted, within: 0.06))
      #expect(isNear(Double(result.negatives), estimate.size.negatives, within: 0.05))
      #expect(isNear(result.operations * 1e-9, estimate.gigaflop, within: 0.06))
    }
  }

  @Test func memoryFollowsRanksAndFormats() {
    let estimate = { (ranks: Int, change: (inout RunConfig) -> Void) -> [String: Double] in
      let config = config(change)
      let memory = StepEstimate(config, PhasePlan.all(config)[0], EstimateFacts(config), ranks: ranks).memory
      #expect(memory.trainingBytes == memory.training.reduce(0) { $0 + $1.bytes })
      #expect(memory.evaluationBytes > memory.trainingBytes)
      return Dictionary(uniqueKeysWithValues: (memory.training + memory.evaluation).map { ($0.name, $0.bytes) })
    }
    let one = estimate(1) { _ in }
    #expect(one["ID rows"] == 4 * 4 * 3000 && one["ID rows' optimizer"] == 4 * 3000)
    #expect(one["token states"] == 4 * 9000 * 8 + 8 * 3000 && one["token states' optimizer"] == 4 * 9000)
    #expect(one["evaluation: catalogue"] == Double(4 * 8 * 3000))
    let four = estimate(4) { _ in }
    for name in ["ID rows", "ID rows' optimizer", "token states", "token states' optimizer"] {
      #expect(four[name] == (one[name] ?? 0) / 4)
    }
    #expect(four["dense parameters"] == one["dense parameters"])
    let half = estimate(1) { $0.compute.tokenStorage = .bf16 }
    #expect(half["token states"] == Double(2 * 9000 * 8 + 8 * 3000))
    let adam = estimate(1) { $0.optimizer.rows = .lazyAdam }
    #expect(adam["ID rows' optimizer"] == 4 * 9 * 3000 && adam["token states' optimizer"] == 4 * 17 * 9000)
    #expect(estimate(1) { $0.model.semanticDim = 0 }["token states"] == nil)
    // On every rank, however many there are.
    #expect(one["numbers of all items"] == 4 * 3000 && four["numbers of all items"] == 4 * 3000)
    #expect(estimate(4) { $0.universal.logQ = false }["numbers of all items"] == 0)
    #expect(estimate(1) { $0.evaluation.catalogueMib = 0 }["evaluation: catalogue"] == nil)
  }

  /// Every number that a rank's model holds is in the estimate, to the byte.
  @Test func theTableIsAsLargeAsItSays() throws {
    let world = try TrainingWorld()
    let config = try world.config()
    let record = try EncodingRecord(folder: world.dataset.path)
    let plan = PhasePlan.all(config, world.dataset)[0]
    let estimate = StepEstimate(config, plan, try EstimateFacts(config, plan, world.dataset, record), ranks: 1)
    let model = try world.model(config)
    func bytes(_ name: String) -> Int? { estimate.memory.training.first { $0.name == name }.map { Int($0.bytes) } }
    let items = model.items
    #expect(bytes("ID rows") == 4 * items.ids.count)
    #expect(bytes("ID rows' optimizer") == 4 * items.idOptimizer.states.reduce(0) { $0 + $1.values.count })
    #expect(bytes("token states") == 4 * items.tokens.states.count + 8 * items.ids.rows)
    #expect(bytes("token states' optimizer") == 4 * items.tokenOptimizerState().states.reduce(0) { $0 + $1.values.count })
    #expect(estimate.parameters == model.parameters.values.count)
  }

  @Test func aDataSetsFirstStepIsAsLargeAsExpected() throws {
    let world = try TrainingWorld()
    let config = try world.config()
    let plan = PhasePlan.all(config, world.dataset)[0]
    let source = try plan.batches(world.dataset, config, communicator: SoloCommunicator())
    let batch = SequenceBatch()
    var (distinct, steps) = (0.0, 0.0)
    for step in 0..<20 {
      source.fill(batch, step: step)
      distinct += Double(Set(batch.items.values).union(batch.targets.values).count)
      steps += 1
    }
    let facts = try EstimateFacts(config, plan, world.dataset, try EncodingRecord(folder: world.dataset.path))
    source.fill(batch, step: 0)
    #expect(facts.positions == batch.positions && facts.users == batch.users)
    #expect(source.order.users(of: 0) == facts.users && facts.users <= config.batch.users)
    #expect(isNear(facts.popularity.distinct(draws: Double(facts.events)), distinct / steps, within: 0.1))
  }

  @Test func sharedLinksAreSlower() {
    let config = config { $0.model.layers = 8 }
    let estimate = StepEstimate(config, PhasePlan.all(config)[0], EstimateFacts(config), ranks: 8)
    var constants = StepEstimate.Constants()
    constants.gigaflops = 1e9
    let time = { estimate.time(on: .init(gigabits: $0, ranksPerHost: $1), constants) }
    #expect(time(0.1, 1).blocking > time(1, 1).blocking && time(0.1, 4).blocking > time(0.1, 1).blocking)
    // Nothing leaves a host that holds them all, but the software still carries it.
    #expect(time(1e-9, 8).blocking == time(1e9, 8).blocking && time(1, 8).blocking > 0)
    // Without time to compute behind, dense gradients wait for the link; with enough, only for the rank's own core.
    let slow = time(0.1, 1).unhidden
    constants.gigaflops = 1e-3
    let hidden = estimate.time(on: .init(gigabits: 0.1), constants).unhidden
    let bytes = [Traffic.denseGradients, .rowNumbers, .negatives].reduce(0) { $0 + estimate.traffic.bytes(of: $1) }
    #expect(isNear(slow, bytes * 8 / 0.1e9, within: 1e-6) && isNear(hidden, bytes / constants.software, within: 1e-9))
    let alone = StepEstimate(config, PhasePlan.all(config)[0], EstimateFacts(config), ranks: 1)
    #expect(alone.time(on: .init(gigabits: 1)).blocking == 0 && alone.traffic.total == 0)
  }

  /// Messages are those of a real step, without the next step's numbers beside it; and by host there are as many fewer as are carried.
  @Test(arguments: [2, 3], ["universal", "targeted"]) func messagesAreCounted(ranks: Int, phase: String) throws {
    let config = config {
      $0.compute.overlap = false
      if phase == "targeted" { $0.targeted = [TargetedConfig()] }
    }
    let estimate = StepEstimate(config, try #require(PhasePlan.all(config).last), EstimateFacts(config), ranks: ranks)
    let messages = estimate.messages(on: .init(gigabits: 1))
    try RankThreads.run(ranks: ranks) { communicator in
      let result = try Benchmark(config, targeted: config.targeted.first).run(steps: 2, warmup: 1, communicator: communicator)
      #expect(result.messages.all == messages)
    }
    #expect(estimate.messages(on: .init(gigabits: 1, ranksPerHost: ranks)) == 0)
  }

  @Test func sendingByHostTakesFewerMessages() {
    let config = config()
    let estimate = { (ranks: Int, way: ComputeConfig.ByHost) in
      var own = config
      own.compute.byHost = way
      return StepEstimate(own, PhasePlan.all(own)[0], EstimateFacts(own), ranks: ranks)
    }
    let network = StepEstimate.Network(gigabits: 1, ranksPerHost: 8)
    let (flat, hosts) = (estimate(64, .never), estimate(64, .auto))
    #expect(flat.messages(on: network) == 8 * hosts.messages(on: network) && hosts.sendsByHost(on: network))
    #expect(isNear(flat.time(on: network).messages, flat.messages(on: network) * 10e-6, within: 1e-12))
    // A host more that has one rank saves too little.
    #expect(!estimate(9, .auto).sendsByHost(on: network) && estimate(9, .always).sendsByHost(on: network))
    #expect(!estimate(8, .always).sendsByHost(on: network))
  }
}

struct ItemPopularityTests {
  @Test func groupsGiveWhatSingleItemsGive() {
    let drawn = 20_000
    let weights = (0..<drawn).map { 1 / Double($0 + 10) }
    let exact = ItemPopularity(counts: weights + [Double](repeating: 0, count: 5000))
    let grouped = ItemPopularity(zipf: drawn, of: 25_000)
    for (draws, uniform) in [(1.0, 0.0), (100, 0), (13_000, 0), (1e6, 500), (0, 700)] {
      let (a, b) = (exact.distinct(draws: draws, uniform: uniform), grouped.distinct(draws: draws, uniform: uniform))
      #expect(abs(a - b) < 2e-3 * a, "\(draws), \(uniform): \(a), \(b)")
    }
    #expect(abs(grouped.distinct(draws: 1) - 1) < 1e-9 && grouped.distinct(draws: 0) == 0)
  }

  @Test func extremes() {
    #expect(ItemPopularity(counts: [5.0]).distinct(draws: 3, uniform: 2) == 1)
    #expect(ItemPopularity(counts: [0.0, 0.0]).distinct(draws: 9) == 0)
    #expect(ItemPopularity(counts: [1.0, 1.0]).distinct(draws: 2) == 1.5)
    #expect(ItemPopularity(zipf: 100_000_000, of: 100_000_000).distinct(draws: 1e12) > 0.99e8)
  }
}
