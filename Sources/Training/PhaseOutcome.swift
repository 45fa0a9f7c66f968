import Checkpoints
import Files
import Reporting

/// What a phase ended with, and what it was worth: said at its end, once more at the run's, and kept in `metrics.jsonl`.
///
/// A phase that keeps what it began with has learned nothing, however many steps it made; that must not pass in silence. Ours.
package struct PhaseOutcome: Sendable {
  /// What the phase began with.
  package enum Start: Sendable, Equatable {
    /// Numbers of its own.
    case fresh
    /// The run's universal phase.
    case universal
    /// Another run (`--from`).
    case earlierRun

    /// Whether it was evaluated before the first step.
    var isTrained: Bool { self != .fresh }
  }

  /// The phase.
  package let phase: String
  let start: Start
  let result: CheckpointManifest
  /// The metric before the first step; nil for a new model, or when nobody was evaluated.
  let startValue: Double?
  /// The best value after a step of the phase; nil when there was none.
  let bestAfterStart: Double?
  /// Seconds of this start of the phase.
  let seconds: Double
  /// The step after which it ended by `evaluation.patience`; nil when it went to its end.
  let endedEarlyAfter: Int?

  /// Whether the result is better than what the phase began with, or was new.
  var isGain: Bool { result.step > 0 }

  /// One line for `metrics.jsonl`; `step` is the last that was made.
  func record(step: Int) -> EndRecord {
    var record = EndRecord(
      phase: phase, step: step, end: endedEarlyAfter == nil ? "finished" : "patience", resultStep: result.step)
    (record.metric, record.value, record.startValue) = (result.selectedBy, result.score, startValue)
    return record
  }

  /// One or two sentences for the person who waited.
  package var sentence: String {
    "\(phase): done in \(HumanFormat.duration(seconds: seconds))\(early). Result: \(isGain ? gained : kept)"
  }

  private var early: String {
    endedEarlyAfter.map {
      ", ended after step \(HumanFormat.count($0)) of \(HumanFormat.count(result.steps)) by evaluation.patience"
    } ?? ""
  }

  private var metric: String { result.selectedBy ?? "the metric" }

  private var gained: String {
    let place = "step \(HumanFormat.count(result.step)) of \(HumanFormat.count(result.steps))"
    guard let score = result.score else { return "\(place), the last one; nobody was evaluated" }
    let value = "\(place), validation \(metric) \(HumanFormat.decimal(score, 4))"
    guard let startValue else { return value }
    return "\(value), from \(HumanFormat.decimal(startValue, 4)) at its start: \(Self.gain(score, over: startValue))"
  }

  private var kept: String {
    guard result.steps > 0 else { return "step 0: nothing was trained" }
    let beginning = start == .earlierRun ? "the numbers of the run that it began with" : "the universal phase's numbers"
    let values = startValue.map { value in
      let best = bestAfterStart.map { ", at best \(HumanFormat.decimal($0, 4)) afterwards" } ?? ""
      return " (validation \(metric) \(HumanFormat.decimal(value, 4)) at its start\(best))"
    }
    return "step 0. Nothing was learned: it keeps \(beginning)\(values ?? ""). \(advice)"
  }

  private var advice: String {
    start == .earlierRun
      ? "Lower optimizer.learning_rate for what is trained daily, or look whether the new events are what you expect"
      : "Lower its learning_rate_scale\(endedEarlyAfter == nil ? "" : ", raise evaluation.patience"), or leave the phase out"
  }

  /// `+0.0200 (+39.1 %)`.
  package static func gain(_ value: Double, over start: Double) -> String {
    let difference = value - start
    let sign = difference < 0 ? "" : "+"
    let share = start > 0 ? " (\(sign)\(HumanFormat.decimal(100 * difference / start, 1)) %)" : ""
    return "\(sign)\(HumanFormat.decimal(difference, 4))\(share)"
  }

  // MARK: The run's end

  /// A row a phase, for the end of a run.
  package static func table(_ outcomes: [PhaseOutcome]) -> [String] {
    var table = TextTable([
      ("phase", .left), ("result", .left), ("metric", .left), ("value", .right), ("at its start", .right), ("gained", .left),
    ])
    for outcome in outcomes {
      let (result, start) = (outcome.result, outcome.startValue)
      table.append([
        outcome.phase, "step \(HumanFormat.count(result.step)) of \(HumanFormat.count(result.steps))", result.selectedBy ?? "-",
        result.score.map { HumanFormat.decimal($0, 4) } ?? "-", start.map { HumanFormat.decimal($0, 4) } ?? "-",
        outcome.isGain
          ? result.score.flatMap { score in start.map { gain(score, over: $0) } } ?? "" : "nothing: it keeps its start",
      ])
    }
    return table.lines
  }
}
