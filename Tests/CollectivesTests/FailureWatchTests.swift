import Foundation
import Synchronization
import Testing

@testable import Collectives

/// Ranks that work without a word to each other stop soon after one has failed, and only then.
struct FailureWatchTests {
  /// Works in steps of a millisecond, asking after each; how many it made, and whether it was stopped.
  private static func work(_ watch: FailureWatch, steps: Int) throws -> (made: Int, isStopped: Bool) {
    for step in 0..<steps {
      usleep(1_000)
      do { try watch.check() } catch is FailureWatch.Stopped { return (step, true) }
    }
    return (steps, false)
  }

  @Test(arguments: [2, 3, 11]) func allStopSoonAfterOneHasFailed(ranks: Int) throws {
    for failing in [0, ranks - 1] {
      let stopped = Mutex<[Int: Bool]>([:])
      try RankThreads.run(ranks: ranks) { communicator in
        let watch = try FailureWatch(on: communicator)
        if communicator.rank == failing {
          usleep(20_000)
          try watch.end(failed: true)
        } else {
          // A minute, were it not stopped.
          let isStopped = try Self.work(watch, steps: 60_000).isStopped
          try watch.end(failed: false)
          stopped.withLock { $0[communicator.rank] = isStopped }
        }
        // Nothing of it is under way: other exchanges go on.
        #expect(try communicator.gatherCounts(communicator.rank) == Array(0..<ranks))
      }
      #expect(stopped.withLock { $0.count == ranks - 1 && $0.values.allSatisfy { $0 } })
    }
  }

  /// Where ranks carry each other's messages between hosts.
  @Test(arguments: [[0, 1, 0, 1], [0, 0, 1, 1, 2]]) func allStopWhereRanksSendByHost(hosts: [Int]) throws {
    let stopped = Mutex(0)
    try RankThreads.run(ranks: hosts.count) { threads in
      let communicator = HostwiseCommunicator(threads, HostMap(names: hosts))
      let watch = try FailureWatch(on: communicator)
      let isStopped = communicator.rank == 1 ? false : try Self.work(watch, steps: 60_000).isStopped
      try watch.end(failed: communicator.rank == 1)
      if isStopped { stopped.withLock { $0 += 1 } }
      try communicator.barrier()
    }
    #expect(stopped.withLock { $0 } == hosts.count - 1)
  }

  @Test(arguments: [1, 2, 5]) func whoIsDoneWaitsForAll(ranks: Int) throws {
    let done = Atomic<Int>(0)
    try RankThreads.run(ranks: ranks) { communicator in
      let watch = try FailureWatch(on: communicator)
      let (made, isStopped) = try Self.work(watch, steps: communicator.rank * 30)
      #expect(made == communicator.rank * 30 && !isStopped)
      done.add(1, ordering: .sequentiallyConsistent)
      try watch.end(failed: false)
      #expect(done.load(ordering: .sequentiallyConsistent) == ranks)
      try watch.check()
    }
  }

  /// Some fail, some are stopped, some are done: whatever comes first, all end.
  @Test func manyEndsAtOnceEnd() throws {
    for round in 0..<50 {
      try RankThreads.run(ranks: 4) { communicator in
        let watch = try FailureWatch(on: communicator)
        _ = try Self.work(watch, steps: (round * (communicator.rank + 3)) % 5)
        try watch.end(failed: communicator.rank == round % 4 || communicator.rank == round % 3)
        #expect(throws: FailureWatch.Stopped.self) { try watch.check() }
        try communicator.barrier()
      }
    }
  }

  /// A rank that ends by another error ends the others too.
  @Test func aRankThatLeavesEndsTheOthers() throws {
    struct Boom: Error {}
    let error = #expect(throws: RankFailure.self) {
      try RankThreads.run(ranks: 3) { communicator in
        let watch = try FailureWatch(on: communicator)
        if communicator.rank == 1 { throw Boom() }
        _ = try Self.work(watch, steps: 60_000)
        try watch.end(failed: false)
      }
    }
    #expect(error?.cause is Boom)
  }
}
