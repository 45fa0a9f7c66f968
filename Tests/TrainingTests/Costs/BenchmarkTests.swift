import Collectives
import Config
import Costs
import Host
import Testing

@Suite struct BenchmarkTests {
  private func result(_ change: (inout RunConfig, inout BenchConfig) -> Void) throws -> Benchmark.Result {
    var (config, bench) = (RunConfig(), BenchConfig())
    (config.model.idDim, config.model.semanticDim, config.model.length, config.batch.users) = (4, 4, 6, 8)
    (config.universal.negatives, config.universal.negativesFrom, config.universal.tokenFreeze) = (.count(16), .batch, 0)
    (bench.items, bench.tokens, bench.tokenDim) = (50, 3, 8)
    change(&config, &bench)
    config.bench = bench
    return try Benchmark(config, targeted: nil).run(steps: 2, warmup: 1, communicator: SoloCommunicator())
  }

  @Test func aLargerCatalogueMayBeDrawnFromAlike() throws {
    let small = try result { _, _ in }
    let large = try result {
      $1.items = 5_000; $1.drawnItems = 50
    }
    let whole = try result { $1.items = 5_000 }
    #expect(small.items.wanted == large.items.wanted && small.items.wanted < whole.items.wanted)
    #expect(small.losses.first != large.losses.first, "the rows are others, spread over the catalogue")
  }

  @Test func storageChangesNumbersByLittle() throws {
    let (whole, half) = (try result { _, _ in }, try result { config, _ in config.compute.tokenStorage = .bf16 })
    #expect(whole.losses.first != half.losses.first)
    #expect(abs(whole.losses.first - half.losses.first) < 0.01 * whole.losses.first)
    #expect(abs(whole.losses.last - half.losses.last) < 0.01 * whole.losses.last)
  }
}
