import Collectives
import Testing

/// Ranks that are threads keep the contract, and none waits for one that is gone.
@Suite struct InProcessCommunicatorTests {
  private struct Boom: Error {}

  @Test(arguments: [1, 2, 3, 4, 7]) func keepsTheContract(ranks: Int) throws {
    try RankThreads.run(ranks: ranks) { communicator in
      #expect(communicator.size == ranks)
      // Again: memory and channels are used a second time.
      for _ in 0..<3 { try CommunicatorContract(communicator: communicator).checkAll() }
    }
  }

  @Test func aFailureEndsEveryRank() {
    let failure = #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: 3) { communicator in
        try communicator.barrier()
        if communicator.rank == 1 { throw Boom() }
        try communicator.barrier()
        Issue.record("rank \(communicator.rank) passed a barrier that rank 1 never reached")
      }
    }
    #expect(failure?.rank == 1 && failure?.cause is Boom)
  }

  @Test func aRankThatLeavesEarlyIsNotWaitedFor() throws {
    // Rank 0 is done while rank 1 wants to speak: rank 1 is told so, and there is no cause to report.
    try RankThreads.run(ranks: 2) { communicator in
      guard communicator.rank == 1 else { return }
      #expect(throws: PeerFailure.self) { try communicator.barrier() }
    }
  }

  @Test func aloneARankThrowsItsOwnError() {
    #expect(throws: Boom.self) { try RankThreads.run(ranks: 1) { _ in throw Boom() } }
  }
}
