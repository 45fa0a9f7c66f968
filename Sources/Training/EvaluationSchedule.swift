/// After which steps a phase is evaluated, and when evaluations that find nothing better end it.
///
/// Ours. Everything follows from the steps alone, so that a run that goes on decides as the run that was never interrupted.
struct EvaluationSchedule: Equatable {
  /// Epochs between two evaluations; 0 = only after the last step.
  let everyEpochs: Int
  let stepsPerEpoch: Int
  /// Steps of the phase.
  let steps: Int
  /// How many evaluations may pass without a better one; nil = as many as there are.
  var patience: Int?

  /// Whether an evaluation is due after a step.
  func isDue(after step: Int) -> Bool { step == steps || (interval > 0 && step % interval == 0) }

  /// The evaluations that are due after a step and up to another one.
  func count(after first: Int, upTo last: Int) -> Int {
    guard last > first else { return 0 }
    let regular = interval > 0 ? last / interval - first / interval : 0
    let hasOddEnd = last >= steps && first < steps && (interval == 0 || steps % interval != 0)
    return regular + (hasOddEnd ? 1 : 0)
  }

  /// Whether the phase is over after a step because nothing was better than the model after step `best` for long enough.
  func isOver(after step: Int, best: Int?) -> Bool {
    guard let patience, let best else { return false }
    return count(after: best, upTo: step) >= patience
  }

  private var interval: Int { everyEpochs * stepsPerEpoch }
}
