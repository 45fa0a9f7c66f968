import Collectives
import Config
import Host
import Model
import Tensors
import Testing

@testable import Costs
@testable import Runs
@testable import Training

/// Formulas against numbers worked out by hand for a step that is small enough.
@Suite struct StepCostsTests {
  /// d = 4 + 4, K = 2, k = 1, dt = 6, m = 3, L = 1, h = 2, n = 5; P_f = 96, P_t = 1008 without a head.
  private func config() -> RunConfig {
    var (config, bench) = (RunConfig(), BenchConfig())
    (config.model.idDim, config.model.semanticDim, config.model.length) = (4, 4, 5)
    (config.model.experts, config.model.activeExperts, config.model.layers, config.model.heads) = (2, 1, 1, 2)
    (bench.items, bench.tokens, bench.tokenDim) = (50, 3, 6)
    config.bench = bench
    return config
  }

  /// T = 10, U = 7, O = 6, N = 4 on this rank, 2 users.
  private func size(ranks: Int = 1, queries: Double = 10) -> StepSize {
    var size = StepSize()
    (size.ranks, size.users, size.positions, size.queries) = (ranks, 2, 10, queries)
    (size.wanted, size.distinct, size.negatives) = (7, Double(6 * ranks), 4)
    return size
  }

  private func costs(
    _ config: RunConfig, tokensTrained: Double = 1, _ size: StepSize, _ precision: NumberFormat = .fp32
  ) throws -> StepCosts {
    let plan = try #require(PhasePlan.all(config).last)
    let facts = EstimateFacts(config)
    let shape = ModelFactory.shape(config, facts, userHead: plan.userHead)
    return StepCosts(config, plan, facts, shape, size, precision: precision, tokensTrained: tokensTrained)
  }

  /// Whether a cost is so many operations, and so many bytes as the parts add up to.
  private func isEqual(_ cost: StepCosts.Cost, _ operations: [Int], _ bytes: [Int]) -> Bool {
    cost.operations == Double(operations.reduce(0, +)) && cost.bytes == Double(bytes.reduce(0, +))
  }

  @Test func theUniversalPhaseByHand() throws {
    let costs = try costs(config(), size())
    #expect(isEqual(costs[.batch], [], [8 * 24, 4 * 7]))
    // Experts 2 · 6 · 6 · 4, gate 2 · 6 · 6 · 2, pooling 4 · 6 · 3 · 6; rows 72 + 16 bytes, weights, kept 6 · 16, embeddings.
    #expect(isEqual(costs[.embed], [288, 144, 432], [6 * 88, 4 * 96, 4 * 96, 4 * 56]))
    // 12 d² a position, 30 pairs that attend; 120 kept numbers a position.
    #expect(isEqual(costs[.encode], [20 * 12 * 64, 120 * 8], [4 * 56, 4 * 1008, 4 * 1200]))
    #expect(isEqual(costs[.loss], [6 * 40 * 8], [4 * 8 * 20, 4 * 8 * 21]))
    #expect(isEqual(costs[.encodeBackward], [40 * 12 * 64, 240 * 8], [4 * 1200, 4 * 80, 12 * 1008, 8 * 56]))
    // ID rows and their numbers, token states out, their numbers.
    let updates = [6 * 32, 6 * 8, 6 * 72, 6 * 24]
    #expect(isEqual(costs[.items], [576, 288, 864], [4 * 56, 4 * 96, 6 * 72, 12 * 96] + updates))
    #expect(isEqual(costs[.reduce], [], []))
    #expect(isEqual(costs[.dense], [], [29 * 1104]))
  }

  @Test func frozenTokensAreOnlyRead() throws {
    let (trained, half, frozen) = (
      try costs(config(), size()), try costs(config(), tokensTrained: 0.5, size()),
      try costs(config(), tokensTrained: 0, size())
    )
    #expect(trained[.items].operations - frozen[.items].operations == 144 + 432)
    #expect(trained[.items].bytes - frozen[.items].bytes == 6 * (72 + 3 * 8))
    #expect(half[.items].bytes * 2 == trained[.items].bytes + frozen[.items].bytes)
    for part in [StepPart.embed, .encode, .loss] { #expect(trained[part] == frozen[part]) }
  }

  @Test func halfOfWhatProductsReadAgain() throws {
    let (whole, half) = (try costs(config(), size()), try costs(config(), size(), .bf16))
    for part in [StepPart.encode, .encodeBackward] {
      #expect(whole[part].bytes - half[part].bytes == 2 * 10 * 80 && whole[part].operations == half[part].operations)
    }
  }

  @Test func storageAndRule() throws {
    var config = config()
    let whole = try costs(config, size())
    config.compute.tokenStorage = .bf16
    let half = try costs(config, size())
    #expect(whole[.embed].bytes - half[.embed].bytes == 6 * 36 && whole[.items].bytes - half[.items].bytes == 6 * 72)
    config.optimizer.rows = .lazyAdam
    let adam = try costs(config, size())
    #expect(adam[.items].bytes - half[.items].bytes == 6 * (8 * 8 + 3 * 8 * 12))
    config.model.semanticDim = 0
    let bare = try costs(config, size())
    #expect(bare[.embed].operations == 0 && bare[.items].operations == 0 && bare[.embed].bytes == 6 * 16 + 4 * 7 * 4)
  }

  @Test func theTargetedPhaseByHand() throws {
    var config = config()
    config.targeted = [TargetedConfig()]
    (config.targeted[0].objective.bpr, config.targeted[0].objective.softmax) = (0, 1)
    let softmax = try costs(config, size(ranks: 2, queries: 2))
    // No position is masked; the head's two layers, 40 → 16 → 8, whose inputs are kept.
    let head = [4 * 40 * 16, 4 * 16 * 8]
    let parameters = 1008 + 640 + 16 + 128 + 16
    #expect(isEqual(softmax[.encode], [15360, 200 * 8] + head, [4 * 56, 4 * parameters, 4 * 1200, 4 * 112]))
    config.targeted[0].objective.bpr = 1
    config.targeted[0].freeze = [.ids]
    let both = try costs(config, size(ranks: 2, queries: 2))
    #expect(both[.loss].operations - softmax[.loss].operations == 384 && both[.loss].bytes - softmax[.loss].bytes == 256)
    #expect(softmax[.items].bytes - both[.items].bytes == 6 * (2 * 16 + 8))
  }

  @Test func partsShareOutTheProducts() throws {
    let config = config()
    let facts = EstimateFacts(config)
    let products = StepProducts(ModelFactory.shape(config, facts, userHead: .mlp), size())
    let parts = StepPart.allCases.map { products.operations(of: $0) }
    #expect(parts.reduce(0, +) == products.operations && parts.filter { $0 > 0 }.count == 5)
  }
}

@Suite struct RooflineTests {
  @Test func theLongerTimeCounts() {
    let roofline = Roofline(gigaflops: 100, gigabytes: 10)
    #expect(roofline.seconds(.init(operations: 1e9, bytes: 1e6)) == 0.01)
    #expect(roofline.seconds(.init(operations: 1e9, bytes: 1e9)) == 0.1)
    let part = Benchmark.Part(part: .loss, milliseconds: 200, cost: .init(operations: 1e9, bytes: 1e9))
    #expect(part.share(of: roofline) == 0.5 && part.gigaflops == 5 && part.gigabytes == 5)
    #expect(Benchmark.Part(part: .reduce, milliseconds: 200, cost: .init()).share(of: roofline) == nil)
    var result = Benchmark.Result()
    (result.step, result.parts) = (400, [part, part])
    #expect(result.share(of: roofline) == 0.5 && result.cost.operations == 2e9)
  }

  @Test(arguments: [1, 2]) func aMachineHasOne(ranks: Int) throws {
    try RankThreads.run(ranks: ranks) { communicator in
      let roofline = try Roofline.measure(communicator, precision: .fp32, bytes: 1 << 20)
      #expect(roofline.gigaflops.isFinite && roofline.gigaflops > 0)
      #expect(roofline.gigabytes.isFinite && roofline.gigabytes > 0)
    }
  }
}
