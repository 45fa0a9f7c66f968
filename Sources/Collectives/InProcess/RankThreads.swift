import Foundation
import Synchronization

/// Runs the ranks of one process, each on a thread of its own.
package enum RankThreads {
  /// A rank's thread needs room for Foundation's parsers, not for data.
  private static let stackBytes = 16 << 20

  /// Runs `body` once for each rank, at the same time, and returns when all are done.
  ///
  /// When a rank throws, the others' next exchange throws too; the first cause is thrown on, as a `RankFailure` when there is
  /// more than one rank. After a `RankTimeout`, the ranks that it names may still run: the process should end.
  package static func run(ranks: Int, _ body: @escaping @Sendable (any Communicator) throws -> Void) throws {
    let world = InProcessWorld(ranks: ranks)
    let failures = Mutex<[RankFailure]>([])
    // With them the memory that ranks which have failed left under way: others may be copying from it.
    let members = Mutex<[Member]>([])
    let ended = DispatchSemaphore(value: 0)
    for rank in 0..<ranks {
      let thread = Thread {
        let communicator: any Communicator = ranks == 1 ? SoloCommunicator() : InProcessCommunicator(world, rank: rank)
        // Before anything is under way, which this then holds.
        members.withLock { $0.append(Member(communicator: communicator)) }
        do {
          try body(communicator)
          world.leave(rank, failed: false)
        } catch {
          failures.withLock { $0.append(.of(error, on: communicator)) }
          world.leave(rank, failed: true)
        }
        ended.signal()
      }
      thread.name = "rank \(rank)"
      thread.stackSize = stackBytes
      thread.start()
    }
    var running = ranks
    // A rank that hangs cannot be ended, only left behind: once the others have named it, the process ends without it.
    while running > (failures.withLock { $0.compactMap { ($0.cause as? RankTimeout)?.ranks.count }.max() } ?? 0) {
      ended.wait()
      running -= 1
    }
    if running == 0 {
      members.withLock { all in
        for member in all { (member.communicator as? InProcessCommunicator)?.letGo() }
        all = []
      }
    }
    // A rank that only suffered from another is named when nobody is to blame: never end as if all were well.
    guard let first = failures.withLock({ all in all.first { !($0.cause is PeerFailure) } ?? all.first }) else { return }
    throw ranks == 1 ? first.cause : first
  }

  /// A rank's communicator, which the others touch only when it runs no more.
  private struct Member: @unchecked Sendable {
    let communicator: any Communicator
  }
}
