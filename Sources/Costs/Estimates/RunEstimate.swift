package import Config
package import Datasets
import Evaluation
import Host
import Model
import Runs
import Tensors
import Training

/// What a whole run takes: the steps of each phase, their time and that of what stands between them, room on the disk.
///
/// docs/scaling.md has what it rests on. Reading the data set and writing checkpoints are not in the time.
package struct RunEstimate: Sendable {
  /// Seconds of a phase, or of all.
  package struct Seconds: Sendable, Equatable {
    /// Its steps.
    package var steps = 0.0
    /// Its evaluations on validation events.
    package var evaluations = 0.0
    /// Fitting how text is blended in.
    package var blending = 0.0
    /// All of it.
    package var total: Double { steps + evaluations + blending }
  }

  /// A phase.
  package struct Phase: Sendable {
    /// Its steps.
    package let estimate: StepEstimate
    /// Its section in the configuration: `universal`, `targeted.0`.
    package let keyPath: String
    /// How many epochs were asked for; nil when steps were.
    package let epochs: Int?
    /// All of its steps; nil when they are epochs of a data set that was not given.
    package let steps: Int?
    /// Users that are evaluated on their validation event; nil without a data set.
    package let evaluated: Int?
    /// How often they are; nil when the steps of an epoch are not known.
    package let evaluations: Int?
    /// Bytes of a checkpoint.
    package let checkpointBytes: Double
    /// Checkpoints that lie on the disk at its end, at most.
    package let checkpoints: Int

    /// The time of the phase, of its steps alone where it is not known who is evaluated; nil when its steps are not known.
    package func seconds(
      _ config: RunConfig, on network: StepEstimate.Network, _ constants: StepEstimate.Constants
    ) -> Seconds? {
      guard let steps else { return nil }
      var seconds = Seconds(steps: Double(steps) * estimate.time(on: network, constants).total)
      guard let evaluated else { return seconds }
      let budget = Double(config.evaluation.catalogueBytes)
      seconds.evaluations =
        Double(evaluations ?? 0) * estimate.evaluationSeconds(users: evaluated, budget: budget, on: network, constants)
      seconds.blending = estimate.blendSeconds(evaluated: evaluated, budget: budget, on: network, constants)
      return seconds
    }
  }

  /// The phases, in order.
  package let phases: [Phase]
  private let config: RunConfig

  /// All steps; nil when those of a phase are not known.
  package var steps: Int? { phases.reduce(0) { sum, phase in sum.flatMap { sum in phase.steps.map { sum + $0 } } } }

  /// The most that checkpoints take of a disk: those that are kept, and one that is being written.
  package var checkpointBytes: Double {
    phases.reduce(0) { $0 + Double($1.checkpoints) * $1.checkpointBytes } + (phases.map(\.checkpointBytes).max() ?? 0)
  }

  /// Puts together what all phases of a configuration take.
  ///
  /// Throws `InputError` on a damaged shard.
  ///
  /// - Parameter estimates: those of every phase, in order.
  package init(_ config: RunConfig, _ dataset: Dataset?, _ estimates: [StepEstimate]) throws {
    self.config = config
    let plans = dataset.map { PhasePlan.all(config, $0) } ?? PhasePlan.all(config)
    let evaluated = try dataset.map { try Self.evaluatedUsers(plans, config, $0) }
    phases = zip(PhasePlan.selected(plans, nil), estimates).enumerated().map { index, pair in
      Self.phase(pair.0.plan, at: pair.0.keyPath, config, pair.1, evaluated: evaluated?[index])
    }
  }

  /// The time of the run; nil when the steps of a phase are not known.
  package func seconds(on network: StepEstimate.Network, _ constants: StepEstimate.Constants) -> Seconds? {
    var sum = Seconds()
    for phase in phases {
      guard let own = phase.seconds(config, on: network, constants) else { return nil }
      sum.steps += own.steps
      sum.evaluations += own.evaluations
      sum.blending += own.blending
    }
    return sum
  }

  /// Users that each phase is evaluated on while it is trained.
  private static func evaluatedUsers(_ plans: [PhasePlan], _ config: RunConfig, _ dataset: Dataset) throws -> [Int] {
    let tasks = plans.map { $0.task(.validation, filterSeen: config.evaluation.filterSeen) }
    var counts = [Int](repeating: 0, count: tasks.count)
    for number in 0..<dataset.shardCount {
      let shard = try dataset.shard(number)
      for (index, task) in tasks.enumerated() { counts[index] += EvaluatedUsers.users(of: shard, task).count }
    }
    return counts
  }

  private static func phase(
    _ plan: PhasePlan, at keyPath: String, _ config: RunConfig, _ estimate: StepEstimate, evaluated: Int?
  ) -> Phase {
    let steps = plan.steps ?? (plan.epochs == 0 ? 0 : estimate.stepsPerEpoch.map { plan.epochs * $0 })
    let evaluations = evaluations(plan, config, steps: steps, stepsPerEpoch: estimate.stepsPerEpoch)
    // Whatever is written at a time of its own is one more than the evaluations at most, or one each so many steps.
    let due = config.checkpoint.everySteps.flatMap { every in steps.map { $0 / every } }
    let isTimed = config.checkpoint.everyMinutes != nil
    let made = isTimed ? nil : evaluations.map { $0 + 1 + (due ?? 0) }
    let kept = config.checkpoint.keepLast + config.checkpoint.keepBest
    return Phase(
      estimate: estimate, keyPath: keyPath, epochs: plan.steps == nil ? plan.epochs : nil, steps: steps, evaluated: evaluated,
      evaluations: evaluations, checkpointBytes: checkpointBytes(config, estimate), checkpoints: min(kept, made ?? kept))
  }

  /// At each end of so many epochs and at the end of the phase; a targeted one before its first step too.
  private static func evaluations(_ plan: PhasePlan, _ config: RunConfig, steps: Int?, stepsPerEpoch: Int?) -> Int? {
    guard let steps, steps > 0 else { return steps.map { _ in 1 } }
    let first = plan.kind.isUniversal ? 0 : 1
    guard config.evaluation.everyEpochs > 0 else { return first + 1 }
    guard let stepsPerEpoch else { return nil }
    let every = config.evaluation.everyEpochs * stepsPerEpoch
    return first + (steps + every - 1) / every
  }

  /// Rows with their keys, token states once they are trained, dense values with two moments, and the optimizers' numbers of rows.
  private static func checkpointBytes(_ config: RunConfig, _ estimate: StepEstimate) -> Double {
    let (facts, fusion) = (estimate.facts, estimate.shape.fusion)
    let (items, tokens) = (Double(facts.items), Double(facts.tokens))
    let state = { (width: Int) in 4 * (config.optimizer.rows == .lazyAdam ? 2 * Double(width) + 1 : 1) }
    var bytes = 12 * Double(estimate.parameters) + items * (8 + 4 * Double(fusion.idWidth) + state(fusion.idWidth))
    if fusion.readsText && config.universal.tokenFreeze < 1 {
      let element = Double(config.compute.tokenStorage.size)
      bytes += 4 * items + tokens * (element * Double(fusion.tokenWidth) + state(fusion.tokenWidth))
    }
    return bytes
  }
}
