import Config
import Files
import Reporting

/// What a person sees of a training: the live block of a terminal, or a line every ten seconds elsewhere.
///
/// It knows how fast steps and evaluations go, and so how long is left. Rank 0 alone has one.
final class TrainingDisplay {
  private let console: Console
  private let job: BeginRecord.Job
  private let everyEpochs: Int
  private let clock: ProgressBar.Clock
  private var pace: DrawingPace
  private var progress = TrainingProgress(phase: "", steps: 0)
  private var positions = RateMeter()
  private var steps = RateMeter()
  /// What training stood still for since the phase began here, in seconds, and the steps made meanwhile.
  private var pauses = (seconds: 0.0, steps: 0)
  private var evaluations = (seconds: 0.0, count: 0)
  private var evaluatedUsers = 0
  private var startedAt = 0.0

  init(_ job: BeginRecord.Job, everyEpochs: Int, console: Console, clock: @escaping ProgressBar.Clock) {
    (self.console, self.job, self.everyEpochs, self.clock) = (console, job, everyEpochs, clock)
    pace = DrawingPace(isTerminal: console.isTerminal, from: clock())
  }

  /// Seconds since the phase began here.
  var seconds: Double { clock() - startedAt }

  /// Shows a phase, of which some steps may be done.
  func begin(_ record: BeginRecord) {
    progress = TrainingProgress(phase: record.phase, steps: record.steps)
    progress.number = (job.phases.firstIndex { $0.phase == record.phase } ?? 0) + 1
    progress.phases = max(job.phases.count, 1)
    (progress.step, progress.stepsPerEpoch, progress.metric) = (record.step, record.stepsPerEpoch, record.metric)
    (positions, steps, pauses) = (RateMeter(), RateMeter(), (0, 0))
    evaluations = (0, 0)
    startedAt = clock()
    draw()
  }

  /// Counts a step.
  func step(done: Int, loss: Double, positions count: Int, seconds: Double) {
    positions.add(Double(count), seconds: seconds)
    steps.add(1, seconds: seconds)
    pauses.steps += 1
    guard console.verbosity > .quiet else { return }
    (progress.step, progress.loss, progress.positionsPerSecond) = (done, loss, positions.rate)
    if pace.isDue(clock()) { draw() }
  }

  /// Training stood still, for a checkpoint.
  func pause(seconds: Double) { pauses.seconds += seconds }

  /// Counts users that this rank has evaluated.
  func evaluating(users: Int) {
    evaluatedUsers += users
    guard console.verbosity > .quiet, pace.isDue(clock()) else { return }
    let share = job.ranks > 1 ? " on rank 0" : ""
    progress.activity = "evaluating (\(HumanFormat.count(evaluatedUsers, "user"))\(share))"
    draw()
  }

  /// Notes an evaluation, in this process or before.
  func evaluated(_ last: TrainingProgress.Score?, best: TrainingProgress.Score?, patience: (Int, Int)?, seconds: Double? = nil) {
    (progress.last, progress.best, progress.activity) = (last, best, nil)
    progress.patience = patience.map { (waited: $0.0, most: $0.1) }
    evaluatedUsers = 0
    if let seconds { evaluations = (evaluations.seconds + seconds, evaluations.count + 1) }
    if console.isTerminal { draw() }
  }

  /// Says what a person should know, above the block.
  func note(_ line: String, _ style: StyledLine.Style = .plain) { console.note(line, style) }

  /// Shows what is done between phases; nil takes it away.
  func show(_ phase: String, busy: String?) {
    guard console.verbosity > .quiet, console.isTerminal else { return }
    var line = StyledLine(phase, .bold)
    line.append("  " + (busy ?? ""), .cyan)
    console.screen.show(busy == nil ? [] : [line])
  }

  /// Takes the block away.
  func end() { console.screen.clear() }

  private func draw() {
    guard console.verbosity > .quiet else { return }
    pace.note(clock())
    (progress.phaseSeconds, progress.runSeconds) = (phaseSeconds, runSeconds)
    if console.isTerminal {
      console.screen.show(progress.lines(columns: console.width - 1))
    } else if progress.loss != nil || progress.activity != nil {
      console.note(progress.line)
    }
  }

  // MARK: Time left

  private var stepSeconds: Double? {
    guard steps.rate > 0 else { return nil }
    return 1 / steps.rate + pauses.seconds / Double(max(pauses.steps, 1))
  }

  private var evaluationSeconds: Double { evaluations.count > 0 ? evaluations.seconds / Double(evaluations.count) : 0 }

  private var phaseSeconds: Double? {
    stepSeconds.map { seconds($0, from: progress.step, of: progress.steps, perEpoch: progress.stepsPerEpoch) }
  }

  /// Later phases are taken to go as fast as this one; nil when there are none.
  private var runSeconds: Double? {
    guard let stepSeconds, let phaseSeconds, progress.number < progress.phases else { return nil }
    return phaseSeconds
      + job.phases.dropFirst(progress.number).reduce(0) {
        $0 + seconds(stepSeconds, from: 0, of: $1.steps, perEpoch: $1.stepsPerEpoch) + evaluationSeconds
      }
  }

  private func seconds(_ step: Double, from done: Int, of steps: Int, perEpoch: Int) -> Double {
    let schedule = EvaluationSchedule(everyEpochs: everyEpochs, stepsPerEpoch: perEpoch, steps: steps)
    return step * Double(max(0, steps - done)) + evaluationSeconds * Double(schedule.count(after: done, upTo: steps))
  }
}
