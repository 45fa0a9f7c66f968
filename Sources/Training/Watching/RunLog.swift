import Checkpoints
import Config
import Evaluation
import Files
import Foundation
import Host
import Logging
import Model
import Reporting
import Runs

/// What a run writes while it goes: `metrics.jsonl`, TensorBoard scalars, and what the person who waits sees.
///
/// Only rank 0 has one; the others pass nil around.
final class RunLog {
  /// What all phases of the job share.
  let job: BeginRecord.Job
  private let metrics: MetricsLog
  private let tensorBoard: TensorBoardWriter?
  private let display: TrainingDisplay
  private let everySteps: Int
  private let lock: RunLock?
  private var phase = ""
  private var schedule = EvaluationSchedule(everyEpochs: 0, stepsPerEpoch: 0, steps: 0)
  private var interval = Interval()
  /// The last step, with what it was like.
  private var latest: (step: Int, report: StepReport, routing: Routing?)?
  /// The evaluations of each phase so far, those of earlier starts too.
  private var evaluations: [String: [EvaluationLine]]
  private var hasWarned = false
  private let logger = Logger(label: "precise.training")

  /// Opens a run's logs, without what stands there of steps that are made again.
  ///
  /// - Parameters:
  ///   - phases: the names of the run's phases.
  ///   - lock: what says that the directory is still there.
  ///   - stays: whether what was logged after a step of a phase stays.
  init(
    _ directory: RunDirectory, _ config: RunConfig, _ job: BeginRecord.Job, console: Console, phases: [String],
    lock: RunLock? = nil,
    clock: @escaping ProgressBar.Clock = ProgressBar.steadyClock, where stays: (MetricsLog.StepPosition) -> Bool
  ) throws {
    self.job = job
    self.lock = lock
    try MetricsLog.keep(path: directory.metricsPath, where: stays)
    try TensorBoardFile.keep(folder: directory.path, phases: phases, where: stays)
    // What cannot be read is no reason to lose a training: only what it says is missing then.
    let history = (try? RunHistory(path: directory.metricsPath)) ?? RunHistory()
    evaluations = Dictionary(history.phases.map { ($0.name, $0.evaluations.map(\.record)) }) { $1 }
    metrics = try MetricsLog(path: directory.metricsPath)
    tensorBoard = config.log.tensorboard ? try TensorBoardWriter(folder: directory.path) : nil
    everySteps = config.log.everySteps
    display = TrainingDisplay(job, everyEpochs: config.evaluation.everyEpochs, console: console, clock: clock)
  }

  /// Writes what the run was set to, for who compares runs.
  func settings(_ config: RunConfig, run: String) {
    survive { try tensorBoard?.append(settings: config.flat.map { ($0.key, $0.value) }, group: run) }
  }

  /// Writes that every phase that was asked for is over.
  func finish() { survive { try tensorBoard?.appendEnd() } }

  /// Starts a phase, of whose steps some may be made, and some of these may be in no line yet.
  func begin(_ record: BeginRecord, _ schedule: EvaluationSchedule, unlogged: CheckpointManifest.OpenMean?) throws {
    (phase, self.schedule) = (record.phase, schedule)
    (interval, latest) = (Interval(), nil)
    interval.unlogged = unlogged ?? interval.unlogged
    try append(record)
    display.begin(record)
    showScores(seconds: nil)
  }

  /// The loss of the steps that no line has yet.
  var unlogged: CheckpointManifest.OpenMean? { interval.unlogged.steps == 0 ? nil : interval.unlogged }

  /// Writes what the run begins with, and what became of the items.
  func start(_ point: StartingPoint, _ match: ItemMatch) throws {
    try append(
      OriginRecord(
        from: point.checkpoint, manifest: point.manifestChecksum ?? "", known: match.known, new: match.new, gone: match.gone))
    note(
      "beginning with \(point.checkpoint): \(HumanFormat.count(match.known, "known item")), \(HumanFormat.count(match.new)) new, "
        + "\(HumanFormat.count(match.gone)) gone")
  }

  /// Shows what is done between phases; nil when it is done.
  func show(_ phase: String, busy: String?) { display.show(phase, busy: busy) }

  /// Says what a person should know.
  func note(_ line: String) { display.note(line) }

  /// Writes how long training stood still for a checkpoint.
  func checkpoint(step: Int, seconds: Double, isAsynchronous: Bool) throws {
    display.pause(seconds: seconds)
    try append(CheckpointRecord(phase: phase, step: step, milliseconds: 1000 * seconds, isAsynchronous: isAsynchronous))
  }

  /// Writes how the mixture of experts shares out the items at the end of a phase.
  func mixture(_ health: MixtureHealth, step: Int) throws {
    try append(health.record(phase: phase, step: step))
    note("\(phase), step \(HumanFormat.count(step)): \(health.summary)")
  }

  /// Writes where the time of the last steps went, rank by rank.
  func rankTimes(_ record: RankTimesRecord) throws { try append(record) }

  /// Counts a step; every few steps writes what the steps since the last line were like.
  ///
  /// - Parameter routing: the whole job's routing in the step; nil for items without a semantic half.
  func step(_ step: Int, _ report: StepReport, routing: Routing?, seconds: Double, communication: Double, last: Bool) throws {
    interval.add(report, seconds: seconds, communication: communication)
    display.step(done: step + 1, loss: report.loss, positions: report.positions, seconds: seconds)
    latest = (step + 1, report, routing)
    guard last || (step + 1) % everySteps == 0 else { return }
    try append(interval.record(phase: phase, step: step + 1, report, routing))
    interval = Interval()
  }

  /// Shows that users are being evaluated.
  func evaluating(users: Int) { display.evaluating(users: users) }

  /// Writes an evaluation as a line and as scalars.
  func evaluation(_ entry: EvaluationRecord.Entry, step: Int, seconds: Double) throws {
    let means = entry.metrics.means(of: "all")
    let line = EvaluationLine(
      phase: entry.phase, step: step, split: entry.split, means: means, users: entry.metrics.users(in: "all"), seconds: seconds,
      measured: .object(entry.protocolFields))
    try append(line)
    evaluations[entry.phase, default: []].append(line)
    note(line.sentence + (entry.isRequestTimeKnown ? ", request time known" : ""))
    showScores(seconds: seconds)
  }

  /// The phase's evaluations with a value of the metric that checkpoints are chosen by, in order.
  private var scores: [TrainingProgress.Score] {
    (evaluations[phase] ?? []).compactMap { line in line.mean(job.metric).map { .init(value: $0, step: line.step) } }
  }

  private func showScores(seconds: Double?) {
    let scores = scores
    let best = scores.max { ($0.value, -$0.step) < ($1.value, -$1.step) }
    let patience = schedule.patience.flatMap { most in
      best.flatMap { best in scores.last.map { (schedule.count(after: best.step, upTo: $0.step), most) } }
    }
    display.evaluated(scores.last, best: best, patience: patience, seconds: seconds)
  }

  /// Takes the display away and, when the phase is over, says which of its models is the result, and what was gained.
  ///
  /// - Parameters:
  ///   - result: the phase's result; nil while it is not over.
  ///   - step: the steps that were made.
  ///   - start: what the phase began with.
  ///   - isEarly: whether it ended because evaluations did not become better.
  func end(
    _ result: CheckpointManifest?, step: Int, start: PhaseOutcome.Start = .fresh, isEarly: Bool = false
  ) throws -> PhaseOutcome? {
    let seconds = display.seconds
    display.end()
    guard let result else { return nil }
    // A phase that ends early may end between two lines.
    if interval.steps > 0, let latest {
      try append(interval.record(phase: phase, step: latest.step, latest.report, latest.routing))
    }
    interval = Interval()
    let scores = scores
    let outcome = PhaseOutcome(
      phase: phase, start: start, result: result, startValue: start.isTrained ? scores.first { $0.step == 0 }?.value : nil,
      bestAfterStart: scores.filter { $0.step > 0 }.map(\.value).max(), seconds: seconds,
      endedEarlyAfter: isEarly ? step : nil)
    try append(outcome.record(step: step))
    display.note(outcome.sentence, outcome.isGain ? .green : .yellow)
    return outcome
  }

  /// Throws `InputError` when the run directory is not there any more: the open files would take what nobody will see.
  private func append(_ record: some MetricsRecord) throws {
    try lock?.checkInPlace()
    let time = WallClock.seconds()
    survive { try metrics.append(record, time: time) }
    let scalars = record.scalars
    guard !scalars.isEmpty else { return }
    survive { try tensorBoard?.append(step: record.step, scalars, time: time) }
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

    /// The line, with what only the last step is asked for.
    func record(phase: String, step: Int, _ report: StepReport, _ routing: Routing?) -> StepRecord {
      var record = StepRecord(phase: phase, step: step)
      record.loss = unlogged.loss / Double(unlogged.steps)
      (record.bprLoss, record.softmaxLoss, record.balanceLoss) = (report.bpr, report.softmax, report.balance)
      record.busiestExpert = report.busiestExpert
      record.expertLoad = routing.map { routing in (0..<routing.experts).map { routing.share(of: $0) } }
      (record.learningRate, record.gradNorm) = (report.learningRate, report.gradientNorm)
      record.positionsPerS = Double(positions) / max(seconds, 1e-9)
      record.stepMs = 1000 * seconds / Double(steps)
      record.commMs = 1000 * communication / Double(steps)
      (record.positions, record.uniqueItems) = (report.positions, report.uniqueItems)
      record.skipped = skipped > 0 ? skipped : nil
      return record
    }
  }
}
