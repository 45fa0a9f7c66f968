import Checkpoints
import Config
import Evaluation
import Files
import Foundation
import Logging
import Model
import Reporting
import Runs

/// What a run writes while it goes: `metrics.jsonl`, TensorBoard scalars, and lines or a bar for the person who waits.
///
/// Only rank 0 has one; the others pass nil around.
final class RunLog {
  let console: Console
  private let metrics: MetricsLog
  private let tensorBoard: TensorBoardWriter?
  private let everySteps: Int
  private var phase = ""
  private var bar: ProgressBar?
  private var interval = Interval()
  private var hasWarned = false
  private let logger = Logger(label: "precise.training")

  /// Opens a run's logs, without what stands there of steps that are made again.
  ///
  /// - Parameters:
  ///   - phases: the names of the run's phases.
  ///   - stays: whether what was logged after a step of a phase stays.
  init(
    _ directory: RunDirectory, _ config: LogConfig, console: Console, phases: [String],
    where stays: (MetricsLog.StepPosition) -> Bool
  ) throws {
    self.console = console
    try MetricsLog.keep(path: directory.metricsPath, where: stays)
    try TensorBoardFile.keep(folder: directory.path, phases: phases, where: stays)
    metrics = try MetricsLog(path: directory.metricsPath)
    tensorBoard = config.tensorboard ? try TensorBoardWriter(folder: directory.path) : nil
    everySteps = config.everySteps
  }

  /// Starts a phase of `steps` steps, of which `done` are made and some are in no line yet.
  func begin(_ phase: String, steps: Int, done: Int, unlogged: CheckpointManifest.OpenMean?) {
    self.phase = phase
    bar = ProgressBar(phase, total: steps, unit: "step", completed: done, console: console)
    interval = Interval()
    interval.unlogged = unlogged ?? interval.unlogged
  }

  /// The loss of the steps that no line has yet.
  var unlogged: CheckpointManifest.OpenMean? { interval.unlogged.steps == 0 ? nil : interval.unlogged }

  /// Writes what the run begins with, and what became of the items.
  func start(_ point: StartingPoint, _ match: ItemMatch) {
    append([
      .init("phase", .string("universal")), .init("step", .int(0)), .init("from", .string(point.checkpoint)),
      .init("from_manifest_crc32", .string(point.manifestChecksum ?? "")), .init("known_items", .int(match.known)),
      .init("new_items", .int(match.new)), .init("gone_items", .int(match.gone)),
    ])
  }

  /// Writes how long training stood still for a checkpoint.
  func checkpoint(step: Int, seconds: Double, isAsynchronous: Bool) {
    append([
      .init("phase", .string(phase)), .init("step", .int(step)), .init("checkpoint_ms", .double(1000 * seconds)),
      .init("asynchronous", .bool(isAsynchronous)),
    ])
  }

  /// Writes how the mixture of experts shares out the items at the end of a phase.
  func mixture(_ health: MixtureHealth, step: Int) {
    append([.init("phase", .string(phase)), .init("step", .int(step))] + health.fields)
    console.note("\(phase), step \(step): \(health.summary)")
  }

  /// Counts a step; every few steps writes what the steps since the last line were like.
  ///
  /// - Parameter routing: the whole job's routing in the step; nil for items without a semantic half.
  func step(_ step: Int, _ report: StepReport, routing: Routing?, seconds: Double, communication: Double, last: Bool) {
    interval.add(report, seconds: seconds, communication: communication)
    let rate = Double(interval.positions) / max(interval.seconds, 1e-9)
    bar?.advance(note: "loss \(HumanFormat.decimal(report.loss, 4)), \(HumanFormat.rate(rate)) positions/s")
    guard last || (step + 1) % everySteps == 0 else { return }
    write(step: step + 1, report, routing)
    interval = Interval()
  }

  /// Ends a phase's bar and, when the phase is over, says which of its models is the result.
  func end(_ result: CheckpointManifest?) {
    bar?.finish()
    guard let result else { return }
    let value = result.score.map { ", \(result.selectedBy ?? "score") \(HumanFormat.decimal($0, 4))" } ?? ""
    let text = result.step > 0 ? value : result.steps > 0 ? ", nothing was gained" : ", nothing was trained"
    console.note("\(phase): result: step \(result.step)\(text)")
  }

  /// Writes an evaluation as a line and as scalars.
  func evaluation(_ entry: EvaluationRecord.Entry, step: Int, seconds: Double) {
    let means = entry.metrics.means(of: "all")
    var fields: [JSONValue.Field] = [
      .init("phase", .string(entry.phase)), .init("step", .int(step)), .init("split", .string(entry.split)),
    ]
    fields += means.map { .init($0.name, .double($0.value)) }
    fields += [
      .init("users", .int(entry.metrics.users(in: "all"))), .init("evaluation_s", .double(seconds)),
      .init("protocol", .object(entry.protocolFields)),
    ]
    append(fields)
    plot(step: step, means.map { ("\(entry.phase)/\(entry.split)/\($0.name)", $0.value) })
    let cutoffs = entry.metrics.cutoffs
    let shown = cutoffs.last { $0 <= 10 } ?? cutoffs.first ?? 10
    let text = means.filter { ["recall@\(shown)", "ndcg@\(shown)", "mrr"].contains($0.name) }
      .map { "\($0.name) \(HumanFormat.decimal($0.value, 4))" }.joined(separator: ", ")
    console.note(
      "\(entry.phase), step \(step): \(entry.split) \(text), \(HumanFormat.count(entry.metrics.users(in: "all"), "user"))"
        + (entry.isRequestTimeKnown ? ", request time known" : ""))
  }

  private func write(step: Int, _ report: StepReport, _ routing: Routing?) {
    let rate = Double(interval.positions) / max(interval.seconds, 1e-9)
    let stepMs = 1000 * interval.seconds / Double(interval.steps)
    let loss = interval.unlogged.loss / Double(interval.unlogged.steps)
    var fields: [JSONValue.Field] = [
      .init("phase", .string(phase)), .init("step", .int(step)), .init("loss", .double(loss)),
    ]
    if let bpr = report.bpr { fields.append(.init("bpr_loss", .double(bpr))) }
    if let softmax = report.softmax { fields.append(.init("softmax_loss", .double(softmax))) }
    if let balance = report.balance { fields.append(.init("balance_loss", .double(balance))) }
    if let share = report.busiestExpert { fields.append(.init("busiest_expert", .double(share))) }
    if let routing {
      fields.append(.init("expert_load", .array((0..<routing.experts).map { .double(routing.share(of: $0)) })))
    }
    fields += [
      .init("learning_rate", .double(report.learningRate)), .init("grad_norm", .double(report.gradientNorm)),
      .init("positions_per_s", .double(rate)), .init("step_ms", .double(stepMs)),
      .init("comm_ms", .double(1000 * interval.communication / Double(interval.steps))),
      .init("positions", .int(report.positions)), .init("unique_items", .int(report.uniqueItems)),
    ]
    if interval.skipped > 0 { fields.append(.init("skipped", .int(interval.skipped))) }
    append(fields)
    plot(
      step: step,
      [
        ("\(phase)/loss", loss), ("\(phase)/learning_rate", report.learningRate), ("\(phase)/grad_norm", report.gradientNorm),
        ("\(phase)/positions_per_s", rate),
      ])
  }

  private func append(_ fields: [JSONValue.Field]) { survive { try metrics.append(fields) } }

  private func plot(step: Int, _ scalars: [(String, Double)]) {
    survive { try tensorBoard?.append(step: step, scalars.map { (tag: $0.0, value: $0.1) }) }
  }

  /// A line that a full disk refuses is no reason to lose a training: said once.
  private func survive(_ write: () throws -> Void) {
    do {
      try write()
    } catch {
      if !hasWarned { logger.warning("a log cannot be written; training goes on", metadata: ["cause": "\(error)"]) }
      hasWarned = true
    }
  }

  /// What the steps since the last line add up to.
  private struct Interval {
    var steps = 0
    var positions = 0
    /// Steps that changed nothing, because their numbers had gone wrong.
    var skipped = 0
    var unlogged = CheckpointManifest.OpenMean(steps: 0, loss: 0)
    var seconds = 0.0
    var communication = 0.0

    mutating func add(_ report: StepReport, seconds: Double, communication: Double) {
      steps += 1
      positions += report.positions
      if report.isSkipped {
        skipped += 1
      } else {
        unlogged.steps += 1
        unlogged.loss += report.loss
      }
      self.seconds += seconds
      self.communication += communication
    }
  }
}
