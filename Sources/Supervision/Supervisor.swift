import CHost
import Glibc

/// Runs a command until it ends well, is told to stop, or its policy gives up.
///
/// Signals that ask to stop are passed on as SIGUSR1, which launchers hand to their ranks without ending them, so that the ranks save
/// before they end; the second one ends the command's whole process group (cluster/README.md, traps 13 and 14). What a start leaves
/// running is ended before the next one, and before this process ends: two starts never meet.
package struct Supervisor {
  /// Seconds between SIGTERM and SIGKILL once somebody insists, and for what a start has left behind.
  private static let grace = 10.0
  /// Seconds to wait for processes to vanish after SIGKILL; only a disk or a network file system that hangs takes longer.
  private static let backoff = 60.0
  /// Seconds between two looks at the command besides those that signals cause.
  private static let look = 0.1
  /// What the job ends with when it is stopped (EX_TEMPFAIL).
  private static let stopped: Int32 = 75
  private var policy: RestartPolicy
  private let command: (Int) -> [String]
  private let position: (Int32) -> RestartPolicy.End
  private let note: (String) -> Void
  private let ignored: [Int32]
  private let stops: [Int32]
  private var strangers: Set<pid_t> = []

  /// - Parameters:
  ///   - command: the words of each start, from its number (0 = the first); asked right before it.
  ///   - position: where the job stood when a start ended with a status.
  ///   - note: told of every start and end, a sentence each.
  package init(
    policy: RestartPolicy, command: @escaping (_ start: Int) -> [String],
    position: @escaping (_ status: Int32) -> RestartPolicy.End, note: @escaping (String) -> Void
  ) {
    self.policy = policy
    self.command = command
    self.position = position
    self.note = note
    // Under nohup a hangup is nobody's wish to stop, and a signal that is blocked would arrive all the same.
    ignored = chost_ignores(SIGHUP) != 0 ? [SIGHUP] : []
    stops = [SIGTERM, SIGINT, SIGHUP, SIGUSR1].filter { [ignored] in !ignored.contains($0) }
  }

  /// Runs it; returns the last start's status, or 75 when stopped between two starts, or before the command had installed its signal handler.
  ///
  /// Throws `StartFailure` when the command cannot be started.
  package mutating func run() throws(StartFailure) -> Int32 {
    // With SIGCHLD ignored, as some parents leave it, the system forgets how children ended.
    signal(SIGCHLD, SIG_DFL)
    Descendants.adoptOrphans()
    let mailbox = Mailbox(stops + [SIGCHLD])
    // A shell that has become this process may have left it children.
    strangers = Set(Descendants.running())
    var start = 0
    while true {
      var (status, wasStopped) = try watch(command(start), mailbox)
      let rest = endTheRest(mailbox, &wasStopped)
      if wasStopped { return status == 128 + SIGUSR1 ? Self.stopped : status }
      guard rest == 0 else {
        note("\(sentence(status)), and is not started again: \(rest) of its processes cannot be ended")
        return status
      }
      switch policy.decide(position(status)) {
      case .end(let reason):
        if let reason { note("\(sentence(status)), and is not started again: \(reason)") }
        return status
      case .restart(let pause):
        note("\(sentence(status)); starting it again in \(pause) s")
        if isStopped(within: pause, mailbox) { return Self.stopped }
        start += 1
      }
    }
  }

  /// One start, to its end.
  private func watch(_ words: [String], _ mailbox: Mailbox) throws(StartFailure) -> (status: Int32, wasStopped: Bool) {
    let child = try ChildProcess(words, ignoring: ignored)
    var requests = 0
    var killAt: Double?
    while true {
      if let status = child.status() { return (status, requests > 0) }
      if let time = killAt, now() >= time {
        child.sendToGroup(SIGKILL)
        killAt = nil
      }
      guard let signal = mailbox.next(within: Self.look), stops.contains(signal) else { continue }
      requests += 1
      if requests == 1 {
        note("asked to stop: the ranks save and end; a second signal ends them at once")
        child.send(SIGUSR1)
      } else if signal != SIGUSR1 {
        child.sendToGroup(SIGTERM)
        killAt = killAt ?? now() + Self.grace
      }
    }
  }

  /// Ends what a start has left running, such as the ranks of a launcher that was killed: SIGTERM, then SIGKILL.
  ///
  /// - Parameter wasStopped: becomes true when a signal asks to stop meanwhile.
  /// - Returns: how many processes are still there.
  private func endTheRest(_ mailbox: Mailbox, _ wasStopped: inout Bool) -> Int {
    let start = now()
    var known: Set<pid_t> = []
    while true {
      Descendants.reap()
      let rest = Descendants.running(without: strangers)
      if rest.isEmpty || now() - start > Self.grace + Self.backoff { return rest.count }
      if known.isEmpty {
        note("the command has left processes running, which are ended: \(rest.map(String.init).joined(separator: ", "))")
      }
      let isLate = now() - start > Self.grace
      for process in rest where isLate || !known.contains(process) { kill(process, isLate ? SIGKILL : SIGTERM) }
      known.formUnion(rest)
      if let signal = mailbox.next(within: Self.look), stops.contains(signal) { wasStopped = true }
    }
  }

  /// Waits; true when a signal asks to stop meanwhile.
  private func isStopped(within seconds: Double, _ mailbox: Mailbox) -> Bool {
    let end = now() + seconds
    while now() < end {
      if let signal = mailbox.next(within: min(max(end - now(), 0), 1)), stops.contains(signal) { return true }
    }
    return false
  }

  private func sentence(_ status: Int32) -> String {
    status > 128 ? "the command ended with \(status) (signal \(status - 128))" : "the command ended with \(status)"
  }

  private func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}
