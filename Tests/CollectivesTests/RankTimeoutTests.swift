import Collectives
import Glibc
import Host
import Synchronization
import Testing

/// A rank that says nothing is named by those who wait, and does not hold the job.
@Suite struct RankTimeoutTests {
  /// Lets a test's silent rank go.
  private final class Gate: Sendable {
    let isOpen = Atomic<Bool>(false)
    func wait() { while !isOpen.load(ordering: .acquiring) { usleep(1000) } }
  }

  @Test(arguments: [2, 3, 5]) func isNamedByTheOthers(ranks: Int) throws {
    let gate = Gate()
    let failure = #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: ranks) { communicator in
        communicator.state.timeout = 0.5
        try communicator.barrier()
        if communicator.rank == ranks - 1 { gate.wait() }
        _ = try communicator.sum([1])
      }
    }
    gate.isOpen.store(true, ordering: .releasing)
    #expect((failure?.cause as? RankTimeout)?.ranks == [ranks - 1])
    #expect("\(failure.map { "\($0)" } ?? "")".contains("rank \(ranks - 1) has been silent for 0.5 s"))
  }

  /// Takes part in exchanges, up to one channel: there it has started, and does no more.
  private final class Frozen: Communicator {
    init(_ inner: any Communicator, on channel: Int, until gate: Gate) {
      (self.inner, self.channel, self.gate) = (inner, channel, gate)
    }

    var rank: Int { inner.rank }
    var size: Int { inner.size }
    var backend: String { inner.backend }
    var state: CollectiveState { inner.state }
    func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws {
      try inner.start(exchange, on: channel, keeping: owner)
    }
    func poll(_ channel: Int) throws -> Bool {
      if gate.isOpen.load(ordering: .acquiring) { throw CancellationError() }
      return try channel != self.channel && inner.poll(channel)
    }
    func giveUp(on channel: Int) -> [Int] { [] }
    func withdraw() { inner.withdraw() }

    private let inner: any Communicator
    private let channel: Int
    private let gate: Gate
  }

  /// A bucket's shares have come from everybody, and one rank freezes before the sums do.
  @Test(arguments: [0, 1]) func isNamedInAnyStageOfABucket(stage: Int) throws {
    let gate = Gate()
    let failure = #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: 3) { communicator in
        communicator.state.timeout = 0.5
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: 12)
        values.initialize(repeating: 1)
        defer { values.deallocate() }
        let isFrozen = communicator.rank == 1
        let part = isFrozen ? Frozen(communicator, on: Channels.buckets + stage, until: gate) as any Communicator : communicator
        let sum = BucketedAllReduce(values, of: communicator, wire: .fp32, communicator: part)
        try sum.markReady(from: 0)
        try sum.finish()
      }
    }
    gate.isOpen.store(true, ordering: .releasing)
    #expect((failure?.cause as? RankTimeout)?.ranks == [1])
  }

  @Test func aSlowRankIsWaitedFor() throws {
    try RankThreads.run(ranks: 2) { communicator in
      communicator.state.timeout = 60
      if communicator.rank == 1 { usleep(1_500_000) }
      let sum = try communicator.sum([1])
      #expect(sum == [2])
    }
  }
}
