package import Config
package import Model
package import Runs

/// Every learning rate of a phase, step by step.
///
/// docs/model.md, sections 4 and 5.
package struct PhaseLearningRates {
  private let schedule: LearningRateSchedule
  private let optimizer: OptimizerConfig
  private let scale: Double
  private let trainsIDs: Bool
  private let firstTokenStep: Int?

  package init(_ plan: PhasePlan, _ config: RunConfig, steps: Int) {
    optimizer = config.optimizer
    switch plan.kind {
    case .universal(let phase):
      scale = 1
      trainsIDs = true
      // The two-step start: text would outrun the ID rows if both trained at once.
      firstTokenStep = phase.tokenFreeze < 1 ? Int((Double(steps) * phase.tokenFreeze).rounded(.up)) : nil
    case .targeted(let phase):
      scale = phase.learningRateScale
      trainsIDs = !phase.freeze.contains(.ids)
      let frozen = phase.freeze.contains(.tokens) || config.universal.tokenFreeze >= 1
      firstTokenStep = frozen ? nil : 0
    }
    schedule = LearningRateSchedule(
      peak: optimizer.learningRate * scale, steps: steps, warmupShare: optimizer.warmup, floor: optimizer.finalLearningRate)
  }

  /// Of the dense parameters.
  func dense(at step: Int) -> Double { schedule.rate(at: step) }

  /// Of ID rows and token states; nil where they are frozen.
  package func rows(at step: Int) -> ItemTable.LearningRates {
    let factor = Float(scale * (optimizer.rowSchedule == .same ? schedule.factor(at: step) : 1))
    let tokensTrain = firstTokenStep.map { step >= $0 } ?? false
    return ItemTable.LearningRates(
      id: trainsIDs ? Float(optimizer.idLearningRate) * factor : nil,
      token: tokensTrain ? Float(optimizer.tokenLearningRate) * factor : nil)
  }
}
