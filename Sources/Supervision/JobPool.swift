import CHost
import Glibc

/// Runs chains of commands, some of the chains side by side: the next command of a chain starts when the one before has ended.
///
/// Each command is a process group of its own, so that what becomes of one is nothing to the others. A signal that asks to stop is passed
/// on as SIGUSR1 (a training then saves and ends with 75), and nothing more is started; the second one ends everything. Ours.
package struct JobPool {
  /// A command of a chain.
  package struct Job: Sendable {
    /// The program and its arguments.
    package let words: [String]
    /// The file that its standard output is written to; nil = the log.
    package let output: String?
    /// The file that what it says is added to.
    package let log: String

    /// Describes a command.
    package init(words: [String], output: String? = nil, log: String) {
      self.words = words
      self.output = output
      self.log = log
    }
  }

  /// Seconds between SIGTERM and SIGKILL once somebody insists.
  private static let grace = 10.0
  /// Seconds between two looks at the commands besides those that signals cause.
  private static let look = 0.1
  private let chains: Int
  private let atOnce: Int
  private let next: (Int) -> Job?
  private let ended: (Int, Int32) -> Bool
  private let note: (String) -> Void
  private let ignored: [Int32]
  private let stops: [Int32]
  private var begun = 0
  private var running: [Int: pid_t] = [:]
  private var requests = 0
  private var killAt: Double?

  /// - Parameters:
  ///   - chains: how many chains there are, numbered from 0.
  ///   - atOnce: how many of them run side by side.
  ///   - next: gives a chain's next command, right before it starts; nil ends the chain.
  ///   - ended: is told how a command ended (its exit status, or 128 and the number of the signal that killed it), and says whether its chain
  ///     goes on.
  ///   - note: is told when it is asked to stop.
  package init(
    chains: Int, atOnce: Int, next: @escaping (_ chain: Int) -> Job?, ended: @escaping (_ chain: Int, _ status: Int32) -> Bool,
    note: @escaping (String) -> Void
  ) {
    precondition(chains >= 0 && atOnce > 0, "\(atOnce) of \(chains) chains at once")
    (self.chains, self.atOnce, self.next, self.ended, self.note) = (chains, atOnce, next, ended, note)
    ignored = chost_ignores(SIGHUP) != 0 ? [SIGHUP] : []
    stops = [SIGTERM, SIGINT, SIGHUP, SIGUSR1].filter { [ignored] in !ignored.contains($0) }
  }

  /// Runs all chains to their ends; true when somebody asked to stop, and some may not have come to theirs.
  ///
  /// Throws `StartFailure` when a command cannot be started; those that run are asked to end and waited for then.
  package mutating func run() throws(StartFailure) -> Bool {
    // With SIGCHLD ignored, as some parents leave it, the system forgets how children ended.
    signal(SIGCHLD, SIG_DFL)
    let mailbox = Mailbox(stops + [SIGCHLD])
    var failure: StartFailure?
    while true {
      while failure == nil && requests == 0 && running.count < atOnce && begun < chains {
        begun += 1
        failure = startNext(begun - 1)
      }
      for (chain, process) in running {
        guard let status = Self.status(of: process) else { continue }
        running[chain] = nil
        if ended(chain, status) && requests == 0 && failure == nil { failure = startNext(chain) }
      }
      if running.isEmpty && (requests > 0 || failure != nil || begun == chains) { break }
      if failure != nil && requests == 0 { ask() }
      if let time = killAt, now() >= time { send(SIGKILL, toGroups: true) }
      guard let signal = mailbox.next(within: Self.look), stops.contains(signal) else { continue }
      handle(signal)
    }
    if let failure { throw failure }
    return requests > 0
  }

  /// Starts what comes next in a chain, if anything does.
  private mutating func startNext(_ chain: Int) -> StartFailure? {
    guard let job = next(chain) else { return nil }
    do {
      running[chain] = try ChildProcess.start(job.words, ignoring: ignored, output: job.output, log: job.log)
    } catch {
      return error
    }
    return nil
  }

  private mutating func handle(_ signal: Int32) {
    guard requests > 0 else {
      note("asked to stop: what is under way saves and ends; a second signal ends it at once")
      return ask()
    }
    guard signal != SIGUSR1 else { return }
    send(SIGTERM, toGroups: true)
    killAt = killAt ?? now() + Self.grace
  }

  private mutating func ask() {
    requests += 1
    send(SIGUSR1, toGroups: false)
  }

  private func send(_ signal: Int32, toGroups: Bool) {
    for process in running.values { kill(toGroups ? -process : process, signal) }
  }

  /// How a command ended; nil while it runs.
  private static func status(of process: pid_t) -> Int32? {
    var status: Int32 = 0
    while true {
      let ended = waitpid(process, &status, WNOHANG)
      if ended == process { return ChildProcess.meaning(of: status) }
      if ended < 0 && errno == EINTR { continue }
      // An end that nobody saw is a fault of ours, and must not be waited for without end.
      return ended < 0 ? 70 : nil
    }
  }

  private func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}
