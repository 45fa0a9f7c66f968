import Batches
import Collectives
import Config
import Items
import Kernels
import Layers
import Model
import Optimizers
import Tensors

/// One training step of one rank.
///
/// docs/distributed.md, "A step, in time".
final class TrainStep {
  /// Seconds by part.
  let clock = StepClock()
  private(set) var optimizer: AdamW

  init(
    _ model: PreciseModel, plan: PhasePlan, config: RunConfig, steps: Int, source: any BatchSource, negatives: SharedNegatives?,
    communicator: any Communicator
  ) {
    self.model = model
    self.source = source
    self.negatives = negatives
    self.communicator = communicator
    objective = PhaseObjective(plan, config)
    seed = plan.seed(config)
    learningRates = PhaseLearningRates(plan, config, steps: steps)
    balance = Float(config.model.balance)
    clip = config.optimizer.clip
    guardian = FiniteGuard(phase: plan.name)
    var options = AdamW.Options()
    options.beta1 = Float(config.optimizer.beta1)
    options.beta2 = Float(config.optimizer.beta2)
    options.epsilon = Float(config.optimizer.epsilon)
    options.weightDecay = Float(config.optimizer.weightDecay)
    optimizer = AdamW(model.parameters, options: options)
    workspace = Workspace()
  }

  /// Next batch, exchange rows, forward, losses, backward, update: everything of step number `step` (from 0).
  func run(_ step: Int) throws -> StepReport {
    try workspace.scope {
      try clock.time(.batch) { try prepareBatch(step) }
      let e = workspace.matrix(rows.count, model.shape.fusion.width)
      let dE = workspace.zeros(e.rows, e.columns)
      let embedded = try clock.time(.embed) { try model.items.embed(rows.rows, into: e, workspace: workspace) }
      model.parameters.clearGradients()
      var report = try objective.lossAndGradients(
        model, e: e, slice: slice(), step: step, dE: dE, communicator: communicator, workspace: workspace, clock: clock)
      try guardian.check(
        loss: report.loss, embeddings: Vector(dE.base, count: dE.count), dense: model.parameters.gradients, step: step)
      try clock.time(.items) {
        try model.items.update(
          embedded, dE: dE, balance: balance, learningRates: learningRates.rows(at: step), rounding: rounding(step),
          workspace: workspace)
      }
      try clock.time(.reduce) { try communicator.allReduce(model.parameters.gradients.buffer) }
      try clock.time(.dense) { try updateDense(step, &report) }
      describe(embedded.routing, &report)
      return report
    }
  }

  private func prepareBatch(_ step: Int) throws {
    source.fill(batch, step: step)
    try negatives?.draw(batch, step: step, workspace: workspace)
    rows.collect(batch.items.values, batch.targets.values, negatives?.ids ?? RowList(start: nil, count: 0))
  }

  /// This rank's slice of the batch, with items located among the step's distinct rows.
  private func slice() -> PhaseObjective.Slice {
    PhaseObjective.Slice(
      packed: PackedBatch(starts: batch.starts.values, rowKeys: batch.rowKeys.base),
      input: SequenceEmbedding.Input(
        items: locate(batch.items.values), scenes: batch.scenes.values, behaviors: batch.behaviors.values),
      targetRows: locate(batch.targets.values), targets: batch.targets.values,
      negatives: negatives?.negatives(locatedBy: rows, workspace: workspace) ?? .none)
  }

  private func locate(_ list: RowList) -> RowList {
    let places = workspace.take(Int32.self, list.count)
    rows.locate(list, into: places)
    return RowList(start: places, count: list.count)
  }

  private func updateDense(_ step: Int, _ report: inout StepReport) throws {
    model.parameters.clearFrozenGradients()
    let norm = GradientNorm(of: model.parameters.gradients, bound: clip)
    guard norm.norm.isFinite else {
      throw NotFiniteError(phase: guardian.phase, step: step + 1, what: "gradient of the dense parameters")
    }
    report.gradientNorm = norm.norm
    report.learningRate = learningRates.dense(at: step)
    optimizer.update(learningRate: Float(report.learningRate), gradientFactor: norm.factor)
  }

  /// The random bits of this step's updates of token states.
  private func rounding(_ step: Int) -> RandomStream {
    RandomStream(seed: seed, purpose: .tokenRounding, step: UInt32(truncatingIfNeeded: step))
  }

  private func describe(_ routing: Routing?, _ report: inout StepReport) {
    report.uniqueItems = rows.count
    report.balance = routing?.loss
    report.busiestExpert = routing?.shares.max()
  }

  private let model: PreciseModel
  private let source: any BatchSource
  private let negatives: SharedNegatives?
  private let communicator: any Communicator
  private let objective: PhaseObjective
  private let learningRates: PhaseLearningRates
  private let balance: Float
  private let clip: Double
  private let seed: UInt64
  private let guardian: FiniteGuard
  private let workspace: Workspace
  private let batch = SequenceBatch()
  private let rows = UniqueRows()
}
