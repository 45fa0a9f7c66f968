import Checkpoints
import Config
import Files
package import Reporting
package import Runs

/// A phase of a run: what was logged of it, and which of its models is the result.
package struct ReportedPhase: Sendable {
  /// Its name.
  package let name: String
  /// What was logged of it; nil when nothing was.
  package let history: RunHistory.Phase?
  /// How far it has come.
  package let state: PhaseState
  /// The validation metric by which checkpoints are chosen; nil when nothing says so.
  package let metric: String?
  /// The step of the result; nil when there is none.
  package let resultStep: RecordedNumber?
  /// The result's validation metric.
  package let result: RecordedNumber?
  /// The same before the first step; nil for a phase that began with a new model.
  package let start: RecordedNumber?
  /// The steps of the whole phase.
  package let steps: RecordedNumber?
  /// Epochs that the result has been trained for.
  package let epoch: RecordedNumber?

  init(name: String, run: Int, _ directory: RunDirectory, _ config: RunConfig, _ history: RunHistory.Phase?) throws {
    (self.name, self.history) = (name, history)
    let store = CheckpointStore(path: directory.checkpointsPath(phase: name))
    let found = try store.result()
    state = PhaseState(directory, phase: name, history)
    let metric = Self.metric(history, found?.manifest, usual: config.evaluation.selectBy)
    let (log, manifest) = (Log(run: run), Manifest(run: run, found, in: directory))
    let (begin, end) = (history?.begins.last, history?.end)
    self.metric = metric
    resultStep =
      end.flatMap { log.number($0, "result_step", Double($0.record.resultStep)) } ?? manifest.number("step") { .int($0.step) }
    result = end.flatMap { log.number($0, "value", $0.record.value) } ?? manifest.number("score") { $0.score.map { .double($0) } }
    let first = history?.evaluations.first { $0.record.step == 0 }
    let measured = first.flatMap { first in metric.flatMap { log.number(first, $0, first.record.mean($0)) } }
    start = end.flatMap { log.number($0, "start_value", $0.record.startValue) } ?? measured
    steps = begin.flatMap { log.number($0, "steps", Double($0.record.steps)) } ?? manifest.number("steps") { .int($0.steps) }
    epoch = manifest.number("epoch") { .double($0.epoch) }
  }

  /// The metric that checkpoints were chosen by: as it was logged, else as evaluations have it.
  private static func metric(_ history: RunHistory.Phase?, _ manifest: CheckpointManifest?, usual: String) -> String? {
    if let logged = history?.end?.record.metric ?? history?.begins.last?.record.metric ?? manifest?.selectedBy { return logged }
    guard let last = history?.evaluations.last?.record else { return nil }
    return last.mean(usual) == nil ? last.means.first?.name : usual
  }

  /// Numbers of `metrics.jsonl`.
  private struct Log {
    let run: Int

    func number<Record>(_ entry: RunHistory.Entry<Record>, _ key: String, _ value: Double?) -> RecordedNumber? {
      let exact = value.flatMap { Int(exactly: $0) }.map { JSONValue.int($0) } ?? value.map { .double($0) }
      return RecordedNumber(run: run, file: "metrics.jsonl", path: ["\(entry.line)", key], value: exact)
    }
  }

  /// Numbers of the result's manifest.
  private struct Manifest {
    let run: Int
    let file: String?
    let manifest: CheckpointManifest?

    init(run: Int, _ checkpoint: Checkpoint?, in directory: RunDirectory) {
      (self.run, manifest) = (run, checkpoint?.manifest)
      file = checkpoint.map { $0.path.dropFirst(directory.path.count + 1) + "/" + CheckpointManifest.fileName }
    }

    func number(_ key: String, _ value: (CheckpointManifest) -> JSONValue?) -> RecordedNumber? {
      file.flatMap { RecordedNumber(run: run, file: $0, path: [key], value: manifest.flatMap(value)) }
    }
  }

  /// Whether anything is known of it.
  package var isBegun: Bool { history != nil || resultStep != nil }

  /// The steps that are known to be done.
  package var step: Int { max(history?.step ?? 0, Int(resultStep?.value ?? 0)) }

  /// Steps of an epoch: as the log says, else from the result's epochs; nil when neither tells.
  package var stepsPerEpoch: Double? {
    if let known = history?.begins.last?.record.stepsPerEpoch, known > 0 { return Double(known) }
    guard let epoch, let resultStep, epoch.value > 0, resultStep.value > 0 else { return nil }
    return resultStep.value / epoch.value
  }

  /// Median of the positions trained a second, over the logged steps; nil of none.
  package var medianSpeed: Double? { Self.median(history?.steps.compactMap(\.record.positionsPerS) ?? []) }

  /// The last loss that was logged.
  package var lastLoss: (line: Int, value: Double)? {
    history?.steps.last { $0.record.loss != nil }.flatMap { entry in entry.record.loss.map { (entry.line, $0) } }
  }

  /// Seconds from its first line with a time to its last, pauses between two starts included; nil where lines have no times.
  package var wallSeconds: Double? {
    guard let history else { return nil }
    let times =
      history.begins.compactMap(\.time) + history.steps.compactMap(\.time) + history.evaluations.compactMap(\.time)
      + history.checkpoints.compactMap(\.time) + [history.mixture?.time, history.end?.time].compactMap { $0 }
    guard let first = times.min(), let last = times.max(), times.count > 1 else { return nil }
    return last - first
  }

  static func median(_ values: [Double]) -> Double? {
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return nil }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
