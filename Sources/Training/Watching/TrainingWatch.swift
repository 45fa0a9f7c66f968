import Collectives
import Config
import Logging
import Model
import Tensors

/// Looks at every step's numbers for what a person would want to hear of before the run is over; it warns and changes nothing.
///
/// Ours. Rank 0 alone has one: all ranks see the same numbers.
final class TrainingWatch {
  /// Steps whose loss forms the running mean, and steps that must have been seen before any is called a spike.
  private static let lossSteps = 50
  /// Steps over which an expert's items are counted.
  private static let expertSteps = 200
  /// An expert with less than this part of an even share is as good as dead.
  private static let deadShare = 0.01
  /// An expert chosen for more than this part of the items leaves the others without a gradient.
  private static let dominatingShare = 0.95
  private let phase: String
  private let logger: Logger
  private let spike: Double?
  private let activeExperts: Int
  private var losses = 0
  private var mean = 0.0
  private var variance = 0.0
  private var quietUntil = 0
  private let routed = NumberList<Double>()
  private let isDead = NumberList<Bool>()
  private var counted = 0
  private var hasDominated = false

  init(_ phase: String, _ config: RunConfig, logger: Logger = Logger(label: "precise.training")) {
    self.phase = phase
    self.logger = logger
    spike = config.guards.lossSpike
    activeExperts = config.model.activeExperts
  }

  /// Looks at step number `step` (from 0), which was not left out.
  ///
  /// - Parameter routing: the whole job's routing in it; nil for items without a semantic half.
  func observe(_ step: Int, _ report: StepReport, _ routing: Routing?) {
    observeLoss(step, report.loss)
    if let routing, routing.experts > activeExperts { observeExperts(step, routing) }
  }

  /// A loss is held against mean and variance of those before it, which fade away; a spike does not enter them.
  private func observeLoss(_ step: Int, _ loss: Double) {
    guard let spike else { return }
    let deviation = variance.squareRoot()
    // A tenth besides: where losses hardly differ, a deviation is next to nothing.
    if losses >= Self.lossSteps, loss > mean + spike * deviation, loss > mean + 0.1 * mean.magnitude {
      if step >= quietUntil {
        logger.warning(
          "the loss jumps; look at the data of the step, or lower optimizer.learning_rate",
          metadata: ["phase": "\(phase)", "step": "\(step + 1)", "loss": "\(loss)", "mean_before": "\(mean)"])
        quietUntil = step + Self.lossSteps
      }
      return
    }
    losses += 1
    let weight = 1 / Double(min(losses, Self.lossSteps))
    let difference = loss - mean
    mean += weight * difference
    variance = (1 - weight) * (variance + weight * difference * difference)
  }

  private func observeExperts(_ step: Int, _ routing: Routing) {
    if !hasDominated, routing.busiestShare * Double(activeExperts) > Self.dominatingShare {
      hasDominated = true
      logger.warning(
        "one expert is chosen for nearly every item; raise model.balance",
        metadata: ["phase": "\(phase)", "step": "\(step + 1)", "share": "\(routing.busiestShare)"])
    }
    if routed.count != routing.experts {
      routed.resize(to: routing.experts).update(repeating: 0)
      isDead.resize(to: routing.experts).update(repeating: false)
    }
    let sums = UnsafeMutableBufferPointer(mutating: routed.values)
    for expert in 0..<routing.experts { sums[expert] += routing.routed[expert] }
    counted += 1
    guard counted == Self.expertSteps else { return }
    let even = sums.reduce(0, +) / Double(routing.experts)
    let dead = UnsafeMutableBufferPointer(mutating: isDead.values)
    for expert in 0..<routing.experts {
      let isNow = sums[expert] < Self.deadShare * even
      if isNow && !dead[expert] {
        logger.warning(
          "an expert is chosen for hardly any item; raise model.balance, or take fewer experts",
          metadata: [
            "phase": "\(phase)", "step": "\(step + 1)", "expert": "\(expert)",
            "share": "\(sums[expert] / (even * Double(routing.experts)))",
          ])
      }
      dead[expert] = isNow
    }
    counted = 0
    sums.update(repeating: 0)
  }
}
