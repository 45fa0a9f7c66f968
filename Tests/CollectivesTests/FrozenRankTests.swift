import Glibc
import Synchronization
import Testing

@testable import Collectives

/// A rank that freezes in the middle of an exchange that is sent by host is named, and not one that waits for it like the others.
@Suite struct FrozenRankTests {
  /// Lets a test's frozen rank go.
  private final class Gate: Sendable {
    let isOpen = Atomic<Bool>(false)
    func wait() { while !isOpen.load(ordering: .acquiring) { usleep(1000) } }
  }

  /// Freezes before one of its starts.
  private final class Freezing: Communicator {
    private let inner: any Communicator
    private var left: Int
    private let gate: Gate

    init(_ inner: any Communicator, before start: Int, until gate: Gate) { (self.inner, left, self.gate) = (inner, start, gate) }

    var rank: Int { inner.rank }
    var size: Int { inner.size }
    var backend: String { inner.backend }
    var state: CollectiveState { inner.state }
    func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws {
      if left == 0 {
        gate.wait()
        throw CancellationError()
      }
      left -= 1
      try inner.start(exchange, on: channel, keeping: owner)
    }
    func poll(_ channel: Int) throws -> Bool { try inner.poll(channel) }

    func answerRollCall() { inner.answerRollCall() }
    func giveUp(on channel: Int) -> [Int] { inner.giveUp(on: channel) }
    func withdraw() { inner.withdraw() }
  }

  @Test(arguments: 0..<12, [1, 2]) func isNamedWhereverItFreezes(start: Int, frozen: Int) {
    let (gate, hosts) = (Gate(), [0, 0, 1, 1])
    let failure = #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: hosts.count) { plain in
        plain.state.timeout = 0.5
        let inner = plain.rank == frozen ? Freezing(plain, before: start, until: gate) as any Communicator : plain
        let communicator = HostwiseCommunicator(inner, HostMap(names: hosts))
        // Exchanges of all patterns, more than the rank takes part in.
        for round in 0..<8 {
          _ = try communicator.exchangeCounts((0..<4).map { $0 + round })
          _ = try communicator.sum([1])
          _ = try communicator.gather([communicator.rank])
        }
      }
    }
    gate.isOpen.store(true, ordering: .releasing)
    #expect((failure?.cause as? RankTimeout)?.ranks == [frozen], "\(failure.map { "\($0)" } ?? "")")
  }
}
