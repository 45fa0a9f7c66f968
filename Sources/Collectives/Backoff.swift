import Glibc

/// How a rank waits: at first it only looks again, then it lets others run, and after a long time it sleeps between looks; and it
/// does not wait for ever.
///
/// A core that spins is a core that another rank of an oversubscribed machine waits for.
package struct Backoff {
  /// Who has waited so long looks whether others ask for it: no step's waiting is slowed down by that.
  private static let answerSeconds = 0.1
  private var channel: Int?
  private var looks = 0
  private var seconds = 0.0
  private var lastLook = timespec()

  /// Starts to wait.
  package init() {}

  /// Waits a little, longer the more often it was called.
  ///
  /// Throws a `RankTimeout` once ranks that the exchange needs have been silent for `CollectiveState.timeout`.
  ///
  /// - Parameter channel: whose exchange is waited for now. Another one than before is waited for from the start: what has several
  ///   exchanges one after the other must not ask for a silent rank in one that is done.
  package mutating func pause(_ communicator: some Communicator, on channel: Int) throws {
    if channel != self.channel {
      self = Backoff()
      self.channel = channel
    }
    looks += 1
    guard looks > 1000 else { return }
    // On a crowded machine a yield can take as long as a sleep: the clock runs for both.
    if looks > 500_000 || looks & 0xff == 0 { try count(communicator, on: channel) }
    if looks > 500_000 { usleep(100) } else { sched_yield() }
  }

  /// Adds the time since the last look, of which no more than a second counts: a job that was suspended has not been silent.
  private mutating func count(_ communicator: some Communicator, on channel: Int) throws {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    defer { lastLook = now }
    guard lastLook.tv_sec != 0 || lastLook.tv_nsec != 0, let timeout = communicator.state.timeout else { return }
    seconds += min(Double(now.tv_sec - lastLook.tv_sec) + 1e-9 * Double(now.tv_nsec - lastLook.tv_nsec), 1)
    if seconds >= Self.answerSeconds { communicator.answerRollCall() }
    guard seconds >= timeout else { return }
    let silent = communicator.giveUp(on: channel)
    if !silent.isEmpty { throw RankTimeout(ranks: silent, seconds: timeout) }
  }
}

/// Ranks that have not said a word for so long that the job ends.
package struct RankTimeout: Error, CustomStringConvertible, Sendable {
  /// The ranks.
  package let ranks: [Int]
  /// How long they were waited for.
  package let seconds: Double

  /// One sentence.
  package var description: String {
    let names = (ranks.count == 1 ? "rank " : "ranks ") + ranks.map(String.init).joined(separator: ", ")
    return
      "\(names) \(ranks.count == 1 ? "has" : "have") been silent for \(seconds) s; look whether the process, its host or its disk "
      + "hangs, or raise guards.timeout_s"
  }
}
