import Config
import Host
import Testing
import Training

@testable import Costs

/// What a host's ranks take together, and what is said when there is less.
struct HostDemandTests {
  private func config(users: Int = 6400) -> RunConfig {
    var (config, bench) = (RunConfig(), BenchConfig())
    config.batch.users = users
    (bench.items, bench.tokens, bench.tokenDim) = (3000, 3, 8)
    config.bench = bench
    return config
  }

  private func estimates(_ config: RunConfig, ranks: Int) throws -> [StepEstimate] {
    try StepEstimate.all(config, nil, ranks: ranks)
  }

  private func host(_ total: Double, free: Double = 1e15, addressSpace: Int? = nil) -> HostMemory {
    HostMemory(holder: "this machine", total: Int(total), free: Int(free), addressSpace: addressSpace)
  }

  @Test func threadsShareTheProgramAndProcessesDoNot() throws {
    let config = config()
    let estimates = try estimates(config, ranks: 4)
    let memory = try #require(estimates.first).memory
    let one = memory.evaluationBytes
    let alone = HostDemand(estimates, config, ranks: 1, areThreads: true)
    #expect(abs(alone.expected - one) < 1e-6 * one && alone.certain < alone.expected && alone.ofProcess == alone.certain)
    let threads = HostDemand(estimates, config, ranks: 4, areThreads: true)
    let processes = HostDemand(estimates, config, ranks: 4, areThreads: false)
    #expect(abs(processes.expected - 4 * one) < 1e-6 * one && abs(processes.ofProcess - alone.certain) < 1)
    #expect(abs(processes.certain - threads.certain - 3 * MemoryEstimate.program) < 1)
    #expect(threads.ofProcess == threads.certain)
  }

  @Test func theLargestPhaseCounts() throws {
    var config = config()
    let universal = HostDemand(try estimates(config, ranks: 1), config, ranks: 1, areThreads: true)
    config.targeted = [TargetedConfig()]
    let both = HostDemand(try estimates(config, ranks: 1), config, ranks: 1, areThreads: true)
    #expect(both.certain >= universal.certain && both.expected >= universal.expected)
    #expect(both.certain < universal.certain + 1e9)
  }

  /// The key of what takes the most is named, and a batch that is proposed instead is one that fits.
  @Test func aBatchThatNoMemoryHoldsNamesItsKey() throws {
    let config = config()
    let demand = HostDemand(try estimates(config, ranks: 1), config, ranks: 1, areThreads: true)
    #expect(demand.problem(on: host(demand.certain + 1)) == nil)
    let small = host(demand.certain / 3)
    let problem = try #require(demand.problem(on: small))
    #expect(problem.keyPath == "batch.users" && problem.value == "6400")
    #expect("\(problem)".contains("this machine has") && "\(problem)".contains("GiB"))
    let proposed = try #require(
      (problem.suggestion ?? "").split(separator: " ").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) })
    #expect(proposed > 64 && proposed % 64 == 0 && proposed < 6400)
    let smaller = self.config(users: proposed)
    #expect(HostDemand(try estimates(smaller, ranks: 1), smaller, ranks: 1, areThreads: true).problem(on: small) == nil)
  }

  @Test func aTableThatNoMemoryHoldsNamesItsOwn() throws {
    var config = config(users: 64)
    config.bench?.items = 100_000_000
    config.universal.logQ = false
    let wide = HostDemand(try estimates(config, ranks: 1), config, ranks: 1, areThreads: true)
    #expect(wide.problem(on: host(1e9))?.keyPath == "model.id_dim")
    config.bench?.tokens = 16
    config.bench?.tokenDim = 128
    let texts = HostDemand(try estimates(config, ranks: 1), config, ranks: 1, areThreads: true)
    let problem = try #require(texts.problem(on: host(1e9)))
    #expect(problem.keyPath == "compute.token_storage" && problem.value == "fp32" && problem.suggestion?.contains("bf16") == true)
  }

  /// A run that is about to start asks rank 0's users, which rank 0 reads anyway.
  @Test func theUsersOfARankStandForAll() throws {
    let world = try TrainingWorld()
    let config = try world.config("targeted=[{name: like, behavior: \(world.behavior), history: all}]")
    let all = try StepEstimate.all(config, world.dataset, ranks: 2)
    let seen = try StepEstimate.all(config, world.dataset, ranks: 2, seenBy: 0)
    #expect(all.count == 2 && seen.map(\.phase) == all.map(\.phase))
    for (all, seen) in zip(all, seen) {
      // Of the second phase a step takes all 24 users that take part, 16 of whom are rank 0's: half of them say little of the others.
      #expect(abs(seen.size.positions - all.size.positions) < (all.phase == "like" ? 0.6 : 0.1) * all.size.positions)
      #expect(abs(seen.memory.trainingBytes - all.memory.trainingBytes) < 0.1 * all.memory.trainingBytes)
    }
  }

  @Test func whatMayNotBeEnoughIsAWarning() throws {
    let config = config()
    let demand = HostDemand(try estimates(config, ranks: 1), config, ranks: 1, areThreads: true)
    #expect(demand.warnings(on: host(1e15)).isEmpty)
    let busy = demand.warnings(on: host(1e15, free: demand.expected / 2))
    #expect(busy.count == 1 && busy[0].contains("free"))
    let limited = demand.warnings(on: host(1e15, addressSpace: Int(demand.certain / 2)))
    #expect(limited.count == 1 && limited[0].contains("ulimit -v"))
    // A host that says nothing of its memory refuses nothing.
    #expect(demand.problem(on: host(0)) == nil && demand.warnings(on: host(0, free: 0)).isEmpty)
  }
}
