/// When a command that ended is started again, and after how long; a value without clock or process.
package struct RestartPolicy: Sendable {
  /// Where a job stood.
  package struct StepPosition: Sendable, Equatable, CustomStringConvertible {
    /// The phase.
    package let phase: String
    /// The step, from 1.
    package let step: Int

    /// Names a place.
    package init(phase: String, step: Int) {
      self.phase = phase
      self.step = step
    }

    /// `universal step 12`.
    package var description: String { "\(phase) step \(step)" }
  }

  /// How a start ended.
  package struct End: Sendable, Equatable {
    /// The exit status, or 128 and the number of the signal that killed it.
    package let status: Int32
    /// The step that failed, as this start itself has said; nil when it could not say.
    package let failed: StepPosition?
    /// The last step that the job had noted before this start; nil when it had noted none.
    package let before: StepPosition?
    /// The last step that the job has noted; nil when it has noted none.
    package let reached: StepPosition?
    /// Whether another job holds the run directory just now.
    package let isHeld: Bool

    /// Whether this start has got anywhere: what an earlier start, or an earlier run in the same place, has noted is none of its doing.
    package var hasMoved: Bool { reached != nil && reached != before }

    /// Describes an end.
    package init(status: Int32, failed: StepPosition?, before: StepPosition?, reached: StepPosition?, isHeld: Bool = false) {
      self.status = status
      self.failed = failed
      self.before = before
      self.reached = reached
      self.isHeld = isHeld
    }
  }

  /// What is to be done.
  package enum Decision: Sendable, Equatable {
    /// It is over, for this reason (nil: it needs none).
    case end(because: String?)
    /// It starts again after so many seconds.
    case restart(after: Double)
  }

  /// The longest pause before a start, in seconds (ours: nodes and file systems that come back do so within minutes).
  static let longestPause = 300.0
  /// A job that says which step failed fails there again; one that was killed may have been unlucky once more.
  private static let mostDeathsAtOnePlace = 3
  /// Seconds between two starts while an earlier one's lock is still there, and how often: five minutes, three times an NFS lease.
  private static let (wait, mostWaits) = (15.0, 20)
  private var waits = 0
  private var left: Int
  private let backoff: Double
  private var last: End?
  private var deathsHere = 0
  private var pauses = 0

  /// - Parameters:
  ///   - restarts: how often it may be started again.
  ///   - backoff: seconds before the first restart; each further one that got nowhere doubles them.
  package init(restarts: Int, backoff: Double) {
    left = restarts
    self.backoff = backoff
  }

  /// Takes note of an end and decides.
  package mutating func decide(_ end: End) -> Decision {
    deathsHere = end.hasMoved ? 1 : deathsHere + 1
    let isRepeated = end.failed != nil && end.failed == last?.failed
    defer { last = end }
    // The host of an earlier start may have died; a network file system frees its lock once the lease ends.
    if end.status == 65, end.isHeld, last != nil, waits < Self.mostWaits {
      waits += 1
      return .restart(after: Self.wait)
    }
    switch end.status {
    case 0, 75: return .end(because: nil)
    case 64: return .end(because: "a wrong command line or configuration stays wrong")
    case 65 where !end.hasMoved: return .end(because: "the same input would be refused again")
    default: break
    }
    if isRepeated, let position = end.failed { return .end(because: "it has failed at \(position) before") }
    if deathsHere >= Self.mostDeathsAtOnePlace {
      return .end(because: "it has died \(deathsHere) times \(end.reached.map { "at \($0)" } ?? "before its first step")")
    }
    guard left > 0 else { return .end(because: "no restart is left") }
    left -= 1
    defer { pauses += 1 }
    if end.hasMoved { pauses = 0 }
    return .restart(after: min(backoff * Double(sign: .plus, exponent: min(pauses, 30), significand: 1), Self.longestPause))
  }
}
