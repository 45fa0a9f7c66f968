import Glibc

/// Runs a command until it ends well, is told to stop, or its policy gives up.
///
/// Signals that ask to stop are passed on as SIGUSR1, which launchers hand to their ranks without ending them, so that the ranks save
/// before they end; the second one ends the command's whole process group (cluster/README.md, traps 13 and 14).
public struct Supervisor {
  /// Seconds between SIGTERM and SIGKILL once somebody insists.
  private static let grace = 10.0
  /// Seconds between two looks at the command besides those that signals cause.
  private static let look = 0.1
  private static let stops = [SIGTERM, SIGINT, SIGHUP, SIGUSR1]

  /// - Parameters:
  ///   - command: the words of each start, from its number (0 = the first).
  ///   - place: where the job stood when a start ended with a status.
  ///   - note: told of every start and end, a sentence each.
  public init(
    policy: RestartPolicy, command: @escaping (_ start: Int) -> [String],
    place: @escaping (_ status: Int32) -> RestartPolicy.End, note: @escaping (String) -> Void
  ) {
    self.policy = policy
    self.command = command
    self.place = place
    self.note = note
  }

  /// Runs it; returns the last start's status, or 75 when stopped between two.
  ///
  /// Throws `StartFailure` when the command cannot be started.
  public mutating func run() throws(StartFailure) -> Int32 {
    let mailbox = Mailbox(Self.stops + [SIGCHLD])
    var start = 0
    while true {
      let (status, wasStopped) = try watch(command(start), mailbox)
      if wasStopped { return status }
      switch policy.decide(place(status)) {
      case .end(let reason):
        if let reason { note("\(sentence(status)), and is not started again: \(reason)") }
        return status
      case .restart(let pause):
        note("\(sentence(status)); starting it again in \(pause) s")
        if isStopped(within: pause, mailbox) { return 75 }
        start += 1
      }
    }
  }

  /// One start, to its end.
  private func watch(_ words: [String], _ mailbox: Mailbox) throws(StartFailure) -> (status: Int32, wasStopped: Bool) {
    let child = try ChildProcess(words)
    var stops = 0
    var killAt: Double?
    while true {
      if let status = child.status() { return (status, stops > 0) }
      if let time = killAt, now() >= time {
        child.sendToAll(SIGKILL)
        killAt = nil
      }
      guard let signal = mailbox.next(within: Self.look), Self.stops.contains(signal) else { continue }
      stops += 1
      if stops == 1 {
        note("asked to stop: the ranks save and end; a second signal ends them at once")
        child.send(SIGUSR1)
      } else if signal != SIGUSR1 {
        child.sendToAll(SIGTERM)
        killAt = killAt ?? now() + Self.grace
      }
    }
  }

  /// Waits; true when a signal asks to stop meanwhile.
  private func isStopped(within seconds: Double, _ mailbox: Mailbox) -> Bool {
    let end = now() + seconds
    while now() < end {
      if let signal = mailbox.next(within: min(max(end - now(), 0), 1)), Self.stops.contains(signal) { return true }
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

  private var policy: RestartPolicy
  private let command: (Int) -> [String]
  private let place: (Int32) -> RestartPolicy.End
  private let note: (String) -> Void
}
