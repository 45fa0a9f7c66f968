package import Config
import Files
package import Host

/// Whether a run fits, and what to look at before it starts: what `precise check` says first.
package struct Verdict: Sendable {
  /// Something that may not be as it was meant, or that does not fit.
  package struct Doubt: Sendable, Equatable {
    /// What it is, in a sentence's first half.
    package let message: String
    /// The configuration's key to change; nil where no key helps.
    package let key: String?
    /// A value of the key that does; nil where none can be named.
    package let value: String?
  }

  /// The host's memory, and what its ranks take of it; nil of a run for other hosts.
  package typealias HostFit = (demand: HostDemand, memory: HostMemory)

  /// Users of a phase, or users that it is evaluated on, from which on nothing is said (ours).
  private static let fewUsers = 100
  /// Seconds below which nobody minds what the time goes to (ours).
  private static let soon = 60.0

  /// Whether the ranks fit this host; nil of a run for other hosts.
  package let fits: Bool?
  /// What to look at; what does not fit first.
  package let doubts: [Doubt]

  /// Looks at a run.
  ///
  /// - Parameters:
  ///   - seconds: of each phase, in order; nil where steps are not known.
  ///   - ranksWithUsers: the ranks that have any, where the job has more.
  package init(
    _ config: RunConfig, _ run: RunEstimate, seconds: [RunEstimate.Seconds?], on host: HostFit?, ranksWithUsers: Int? = nil
  ) {
    fits = host.map { $0.demand.problem(on: $0.memory) == nil }
    var doubts = host.map(Self.memory) ?? []
    if let ranksWithUsers {
      doubts.append(
        Doubt(
          message: "only \(HumanFormat.count(ranksWithUsers, "rank")) have users: a virtual shard is one rank's",
          key: "--ranks", value: "\(ranksWithUsers)"))
    }
    if config.optimizer.warmup > 0.5 {
      doubts.append(
        Doubt(
          message:
            "the learning rate rises for \(Self.percent(config.optimizer.warmup)) of each phase and has little left to fall",
          key: "optimizer.warmup", value: "0.05"))
    }
    let isOneBatch = run.phases.first?.estimate.stepsPerEpoch == 1
    for (index, phase) in run.phases.enumerated() { doubts += Self.users(phase, isOneBatchAnyway: index > 0 && isOneBatch) }
    doubts += Self.evaluations(run, config, seconds)
    // The same key is said once, by who needs it most.
    self.doubts = doubts.reduce(into: []) { kept, doubt in
      if doubt.key == nil || doubt.value == nil || !kept.contains(where: { $0.key == doubt.key }) { kept.append(doubt) }
    }
  }

  /// What does not fit, or may not.
  private static func memory(_ host: HostFit) -> [Doubt] {
    if let problem = host.demand.problem(on: host.memory) {
      let remedy = host.demand.remedy(within: Double(host.memory.total))
      return [Doubt(message: "\(problem.keyPath) \(problem.rule)", key: problem.keyPath, value: remedy?.value)]
    }
    let remedy = host.memory.free > 0 ? host.demand.remedy(within: Double(host.memory.free)) : nil
    return host.demand.warnings(on: host.memory).map { Doubt(message: $0, key: remedy?.key, value: remedy?.value) }
  }

  /// Phases whose epochs are one step, or whose users are few.
  ///
  /// - Parameter isOneBatchAnyway: whether the universal phase has all users in a step, which is said of it.
  private static func users(_ phase: RunEstimate.Phase, isOneBatchAnyway: Bool) -> [Doubt] {
    let (name, estimate) = (phase.estimate.phase, phase.estimate)
    guard phase.steps != 0, let users = estimate.participants else { return [] }
    var doubts: [Doubt] = []
    if estimate.stepsPerEpoch == 1, users >= 16, !isOneBatchAnyway {
      // Eight steps or more, of a power of two; smaller batches for the sake of a small phase would slow the others down.
      let batch = 1 << (Int.bitWidth - 1 - (users / 8).leadingZeroBitCount)
      let isUniversal = phase.keyPath == "universal"
      doubts.append(
        Doubt(
          message: "an epoch of \(name) is 1 step, of all \(HumanFormat.count(users, "user"))"
            + (phase.epochs.map { ": \(HumanFormat.count($0, "step")) in all" } ?? ""),
          key: isUniversal ? "batch.users" : "\(phase.keyPath).epochs", value: isUniversal ? "\(batch)" : nil))
    }
    guard let evaluated = phase.evaluated else { return doubts }
    if evaluated == 0 {
      doubts.append(
        Doubt(message: "nobody is evaluated in \(name): its result is its last checkpoint, not its best", key: nil, value: nil))
    } else if min(users, evaluated) < fewUsers {
      let error = HumanFormat.decimal((0.25 / Double(evaluated)).squareRoot(), 2)
      doubts.append(
        Doubt(
          message: "\(name) is trained on \(HumanFormat.count(users, "user")) and evaluated on \(HumanFormat.count(evaluated)): "
            + "a recall of a half has an error of \(error)",
          key: nil, value: nil))
    }
    return doubts
  }

  /// Evaluations that take longer than the steps between them.
  private static func evaluations(_ run: RunEstimate, _ config: RunConfig, _ seconds: [RunEstimate.Seconds?]) -> [Doubt] {
    let known = seconds.compactMap { $0 }
    let (steps, evaluations) = known.reduce(into: (0.0, 0.0)) {
      $0.0 += $1.steps
      $0.1 += $1.evaluations
    }
    guard evaluations > steps, evaluations > soon else { return [] }
    let share = percent(evaluations / (steps + evaluations))
    let message = "evaluations take \(share) of the time of steps and evaluations"
    let every = config.evaluation.everyEpochs
    let most = run.phases.compactMap(\.epochs).max() ?? 0
    guard every > 0, run.phases.contains(where: { ($0.evaluations ?? 0) > 2 }) else {
      return [Doubt(message: message + ", at one a phase", key: nil, value: nil)]
    }
    let wanted = Int((Double(every) * evaluations / max(steps, 1e-9)).rounded(.up))
    return [Doubt(message: message, key: "evaluation.every_epochs", value: "\(wanted < most ? wanted : 0)")]
  }

  private static func percent(_ share: Double) -> String { "\(HumanFormat.decimal(100 * share, 0)) %" }
}
