import Foundation
import Synchronization

/// Runs the ranks of one process, each on a thread of its own.
public enum RankThreads {
  /// A rank's thread needs room for Foundation's parsers, not for data.
  private static let stackBytes = 16 << 20

  /// Runs `body` once for each rank, at the same time, and returns when all are done.
  ///
  /// When a rank throws, the others' next exchange throws too; the first cause is thrown on, as a `RankFailure` when there is
  /// more than one rank.
  public static func run(ranks: Int, _ body: @escaping @Sendable (any Communicator) throws -> Void) throws {
    let world = InProcessWorld(ranks: ranks)
    let failures = Mutex<[RankFailure]>([])
    let done = DispatchGroup()
    for rank in 0..<ranks {
      done.enter()
      let thread = Thread {
        let communicator: any Communicator = ranks == 1 ? SoloCommunicator() : InProcessCommunicator(world, rank: rank)
        do {
          try body(communicator)
          world.leave(rank, failed: false)
        } catch {
          failures.withLock { $0.append(RankFailure(communicator, cause: error)) }
          world.leave(rank, failed: true)
        }
        done.leave()
      }
      thread.name = "rank \(rank)"
      thread.stackSize = stackBytes
      thread.start()
    }
    done.wait()
    // A rank that only suffered from another is named when nobody is to blame: never end as if all were well.
    guard let first = failures.withLock({ all in all.first { !($0.cause is PeerFailure) } ?? all.first }) else { return }
    throw ranks == 1 ? first.cause : first
  }
}
