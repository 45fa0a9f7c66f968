import Files

extension RunHistory {
  /// Where a run stands by its log; nil before its first line of a phase.
  ///
  /// The time left is taken from when lines were written, evaluations and checkpoints along with steps.
  ///
  /// - Parameter now: seconds since 1970.
  package func progress(now: Double) -> TrainingProgress? {
    guard let name = currentPhase, let phase = self[phase: name], let begin = phase.begins.last else { return nil }
    let record = begin.record
    var progress = TrainingProgress(phase: name, steps: record.steps)
    progress.number = (record.phases.firstIndex { $0.phase == name } ?? 0) + 1
    progress.phases = max(record.phases.count, 1)
    progress.step = max(record.step, phase.step)
    progress.stepsPerEpoch = record.stepsPerEpoch
    progress.metric = record.metric
    (progress.loss, progress.positionsPerSecond) = (phase.steps.last?.record.loss, phase.steps.last?.record.positionsPerS)
    func score(_ entry: Entry<EvaluationLine>) -> TrainingProgress.Score? {
      entry.record.mean(record.metric).map { .init(value: $0, step: entry.record.step) }
    }
    progress.last = phase.evaluations.last.flatMap(score)
    progress.best = phase.best(record.metric).flatMap(score)
    if phase.end == nil, let seconds = secondsOfAStep(phase, begin) {
      progress.phaseSeconds = seconds * Double(max(0, record.steps - progress.step))
      let later = record.phases.dropFirst(progress.number).reduce(0.0) { $0 + Double($1.steps) }
      progress.runSeconds = later > 0 ? progress.phaseSeconds.map { $0 + seconds * later } : nil
    }
    if let lastTime, now - lastTime >= 10 { progress.activity = "last line \(Self.ago(now - lastTime)) ago" }
    return progress
  }

  /// Of the steps since the phase began or went on.
  private func secondsOfAStep(_ phase: Phase, _ begin: Entry<BeginRecord>) -> Double? {
    guard let last = phase.steps.last, last.record.step > begin.record.step, let from = begin.time, let to = last.time, to > from
    else { return nil }
    return (to - from) / Double(last.record.step - begin.record.step)
  }

  private static func ago(_ seconds: Double) -> String { HumanFormat.duration(seconds: seconds) }
}
