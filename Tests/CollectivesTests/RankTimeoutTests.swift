import Collectives
import Glibc
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

  @Test func aSlowRankIsWaitedFor() throws {
    try RankThreads.run(ranks: 2) { communicator in
      communicator.state.timeout = 60
      if communicator.rank == 1 { usleep(1_500_000) }
      let sum = try communicator.sum([1])
      #expect(sum == [2])
    }
  }
}
