import Config
import Costs
import Files
import Host
import Reporting
import Training

/// What `precise check` says before any table: whether a run fits, what it takes, and what to change.
struct VerdictView {
  let config: RunConfig
  let run: RunEstimate
  let constants: StepEstimate.Constants
  /// How the ranks lie on hosts; several networks of hosts that are joined by one.
  let networks: [StepEstimate.Network]
  /// This host, where the job is one for it.
  let host: Verdict.HostFit?
  private let ranksWithUsers: Int?
  /// The command that makes the run.
  private let next: String?

  init(
    _ config: RunConfig, _ run: RunEstimate, _ constants: StepEstimate.Constants, ranksPerHost: Int, host: Verdict.HostFit?,
    ranksWithUsers: Int?, next: String? = nil
  ) {
    (self.config, self.run, self.constants, self.host) = (config, run, constants, host)
    self.ranksWithUsers = ranksWithUsers
    // Other hosts have launchers of their own.
    self.next = host == nil ? nil : next
    networks = EstimateView.links.map { .init(gigabits: $0, ranksPerHost: ranksPerHost) }
  }

  private var ranks: Int { run.phases.first?.estimate.size.ranks ?? 1 }
  private var areApart: Bool { networks[0].ranksPerHost < ranks }

  private var verdict: Verdict {
    Verdict(
      config, run, seconds: run.phases.map { $0.seconds(config, on: slowest, constants) }, on: host,
      ranksWithUsers: ranksWithUsers)
  }
  private var slowest: StepEstimate.Network { networks[0] }
  private var fastest: StepEstimate.Network { networks[networks.count - 1] }

  // MARK: For people

  /// The answer, and what makes the run: once more below the tables, which have moved the first away.
  var lastLines: [String] { [lines[0]] + (verdict.fits == true ? NextCommands.lines(next.map { [$0] } ?? []) : []) }

  var lines: [String] {
    let verdict = verdict
    let doubts = verdict.doubts.count
    let look = doubts == 0 ? "" : ", \(HumanFormat.count(doubts, "thing")) to look at"
    let fit =
      switch verdict.fits {
      case true: "the run fits this machine\(look)"
      case false: "the run does not fit this machine"
      case nil: "the run is for other hosts\(look)"
      }
    let facts = [("memory", memory), ("steps", steps), ("time", time), ("", basis), ("sent", sent), ("disk", disk)]
    return ["\(fit); nothing was trained"] + facts.map { Self.row($0, $1) }
      + verdict.doubts.map { Self.row("look at", Self.text($0)) }
      + (verdict.fits == true ? NextCommands.lines(next.map { [$0] } ?? []) : [])
  }

  private static func row(_ name: String, _ text: String) -> String {
    "  " + name + String(repeating: " ", count: 9 - name.count) + text
  }

  static func text(_ doubt: Verdict.Doubt) -> String {
    guard let key = doubt.key else { return doubt.message }
    guard let value = doubt.value else { return "\(doubt.message); change \(key)" }
    return "\(doubt.message); " + (key.hasPrefix("--") ? "give \(key) \(value)" : "set \(key): \(value)")
  }

  private var rankBytes: Double { run.phases.map(\.estimate.memory.evaluationBytes).max() ?? 0 }
  private var hostBytes: Double { host?.demand.expected ?? rankBytes * Double(networks[0].ranksPerHost) }

  private var memory: String {
    let rank = "\(Self.bytes(rankBytes)) a rank at most"
    if let host {
      let (total, free) = (HumanFormat.bytes(host.memory.total), HumanFormat.bytes(host.memory.free))
      return "\(Self.bytes(hostBytes)) of the \(total) that \(host.memory.holder) has, \(free) of them free; \(rank)"
    }
    let onHost = networks[0].ranksPerHost
    return
      "each host needs \(Self.bytes(hostBytes)) for its \(HumanFormat.count(onHost, "rank")), and a tenth more to be safe; \(rank)"
  }

  private var steps: String {
    let parts = run.phases.map { phase -> String in
      let name = phase.estimate.phase
      guard let steps = phase.steps else {
        return "\(name) \(HumanFormat.count(phase.epochs ?? 0, "epoch")) of a data set that --data would name"
      }
      guard let epochs = phase.epochs, let each = phase.estimate.stepsPerEpoch else {
        return "\(name) \(HumanFormat.count(steps))"
      }
      return "\(name) \(HumanFormat.count(steps)) (\(HumanFormat.count(epochs, "epoch")) of \(HumanFormat.count(each)))"
    }
    let known = run.steps.map { "\(HumanFormat.count($0)) in all: " } ?? "not known without --data: "
    return known + parts.joined(separator: ", ")
      + (config.evaluation.patience == nil ? "" : "; fewer where evaluation.patience ends a phase")
  }

  /// Over a network, at its fastest and its slowest link.
  private var time: String {
    guard let slow = run.seconds(on: slowest, constants), let fast = run.seconds(on: fastest, constants) else {
      let each = run.phases.map { phase in
        let networks = areApart ? [fastest, slowest] : [slowest]
        let times = networks.map { HumanFormat.decimal(phase.estimate.time(on: $0, constants).total * 1000, 1) }
        return "\(times.joined(separator: " to ")) ms in \(phase.estimate.phase)"
      }
      let links = areApart ? ", at \(Int(fastest.gigabits)) to \(Int(slowest.gigabits)) Gb/s" : ""
      return "a step takes " + each.joined(separator: ", ") + links
    }
    guard areApart, Self.time(fast.total) != Self.time(slow.total) else {
      return "about \(Self.time(slow.total))\(Self.hours(slow)): \(Self.parts(slow, evaluations))"
    }
    return
      "about \(Self.time(fast.total)) at \(Int(fastest.gigabits)) Gb/s to \(Self.time(slow.total)) at \(Int(slowest.gigabits)) Gb/s\(Self.hours(slow)); "
      + "then \(Self.parts(slow, evaluations))"
  }

  private static func hours(_ seconds: RunEstimate.Seconds) -> String {
    // What is less than a hundredth of an hour, or is given in hours, needs no hours.
    (36..<7_200).contains(seconds.total) ? " (\(HumanFormat.decimal(seconds.total / 3_600, 2)) hours)" : ""
  }

  private var evaluations: Int? {
    run.phases.reduce(0) { sum, phase in sum.flatMap { sum in phase.evaluations.map { sum + $0 } } }
  }

  private static func parts(_ seconds: RunEstimate.Seconds, _ evaluations: Int?) -> String {
    let count = evaluations.map { HumanFormat.count($0, "evaluation") } ?? "evaluations"
    var parts = ["\(time(seconds.steps)) of steps"]
    if seconds.evaluations > 0 { parts.append("\(time(seconds.evaluations)) of \(count)") }
    if seconds.blending > 0 { parts.append("\(time(seconds.blending)) of blending text in") }
    return parts.joined(separator: ", ")
  }

  /// What the time rests on, and what is not in it.
  private var basis: String {
    let steps = constants.gigaflops.map { "steps at --gflops \(HumanFormat.decimal($0, 0)), the rest " } ?? ""
    let peak = "at \(HumanFormat.decimal(constants.peak, 0)) GFLOP/s a core, "
    let source =
      host != nil ? "timed just now" : "as in docs/scaling.md" + (constants.gigaflops == nil ? "; --gflops puts yours in" : "")
    let besides = host == nil ? "" : "other work on this machine, "
    let evaluations = run.phases.contains { $0.evaluated == nil } ? "evaluations, " : ""
    return "\(steps)\(peak)\(source); \(besides)\(evaluations)reading data and writing checkpoints come on top"
  }

  private var sent: String {
    guard ranks > 1 else { return "nothing: one rank" }
    let each = run.phases.map { "\(Self.bytes($0.estimate.traffic.total)) in \($0.estimate.phase)" }
    return "by a rank in a step: " + each.joined(separator: ", ")
  }

  private var disk: String {
    let count = run.phases.reduce(0) { $0 + $1.checkpoints }
    let largest = run.phases.map(\.checkpointBytes).max() ?? 0
    return "checkpoints take \(Self.bytes(run.checkpointBytes)) at most: \(count) that stay, one being written, up to "
      + "\(Self.bytes(largest)) each"
  }

  private static func bytes(_ value: Double) -> String { HumanFormat.bytes(Int(value.rounded())) }

  /// `0.4 s`, `31 s`, `12 min`, `3.5 h`, `6.2 d`.
  static func time(_ seconds: Double) -> String {
    switch seconds {
    case ..<10: "\(HumanFormat.decimal(seconds, 1)) s"
    case ..<120: "\(HumanFormat.decimal(seconds, 0)) s"
    case ..<7_200: "\(HumanFormat.decimal(seconds / 60, 0)) min"
    case ..<172_800: "\(HumanFormat.decimal(seconds / 3_600, 1)) h"
    default: "\(HumanFormat.decimal(seconds / 86_400, 1)) d"
    }
  }

  // MARK: For programs

  var json: JSONValue {
    let verdict = verdict
    func seconds(_ value: RunEstimate.Seconds?) -> JSONValue {
      guard let value else { return .null }
      return [
        "steps": .double(value.steps), "evaluations": .double(value.evaluations), "blending": .double(value.blending),
        "all": .double(value.total),
      ]
    }
    let links = networks.map { network -> JSONValue in
      ["gigabits": .double(network.gigabits), "seconds": seconds(run.seconds(on: network, constants))]
    }
    return [
      "fits": verdict.fits.map { .bool($0) } ?? .null, "rank_bytes": .double(rankBytes), "host_bytes": .double(hostBytes),
      "ranks_on_host": .int(networks[0].ranksPerHost), "steps": run.steps.map { .int($0) } ?? .null,
      "seconds": seconds(run.seconds(on: slowest, constants)), "seconds_by_link": areApart ? .array(links) : .null,
      "checkpoint_bytes": .double(run.checkpointBytes), "rests_on": restsOn, "phases": .array(run.phases.map(json)),
      "doubts": .array(
        verdict.doubts.map {
          [
            "message": .string($0.message), "key": $0.key.map { .string($0) } ?? .null,
            "value": $0.value.map { .string($0) } ?? .null,
          ]
        }),
    ]
  }

  /// Whether times rest on what was given, what was timed here, or the constants.
  private var restsOn: JSONValue {
    let source = constants.gigaflops != nil ? "given" : host != nil ? "timed" : "constants"
    return [
      "speed": .string(source), "gflops": constants.gigaflops.map { .double($0) } ?? .null,
      "peak_gflops": constants.gigaflops == nil ? .double(constants.peak) : .null,
    ]
  }

  private func json(_ phase: RunEstimate.Phase) -> JSONValue {
    let optional = { (value: Int?) -> JSONValue in value.map { .int($0) } ?? .null }
    return [
      "name": .string(phase.estimate.phase), "steps": optional(phase.steps), "epochs": optional(phase.epochs),
      "steps_per_epoch": optional(phase.estimate.stepsPerEpoch), "users": optional(phase.estimate.participants),
      "evaluated_users": optional(phase.evaluated), "evaluations": optional(phase.evaluations),
      "step_ms": .double(phase.estimate.time(on: slowest, constants).total * 1000),
      "rank_bytes": .double(phase.estimate.memory.evaluationBytes), "sent_bytes": .double(phase.estimate.traffic.total),
      "checkpoint_bytes": .double(phase.checkpointBytes), "checkpoints": .int(phase.checkpoints),
    ]
  }
}
