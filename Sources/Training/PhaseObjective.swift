import Collectives
import Config
import Items
import Layers
import Model
import Tensors

/// A phase's objective over the global batch: one door to both of them for the training step.
struct PhaseObjective {
  /// This rank's slice of a batch; rows are those of the step's e.
  struct Slice {
    let packed: PackedBatch
    let input: SequenceEmbedding.Input
    let targetRows: RowList
    let targets: RowList
    let negatives: SampledSoftmax.Negatives
  }

  private enum Kind {
    case universal(UniversalObjective)
    case targeted(TargetedObjective, ObjectiveConfig)
  }

  private let kind: Kind
  private let seed: UInt64
  private let dropout: Float

  init(_ plan: PhasePlan, _ config: RunConfig) {
    let scale = Float(config.model.logitScale)
    seed = plan.seed(config)
    switch plan.kind {
    case .universal:
      kind = .universal(UniversalObjective(logitScale: scale))
      dropout = Float(config.model.dropout)
    case .targeted(let phase):
      let terms = phase.objective
      kind = .targeted(
        TargetedObjective(bpr: Float(terms.bpr), softmax: Float(terms.softmax), logitScale: scale), terms)
      dropout = Float(phase.dropout ?? config.model.dropout)
    }
  }

  /// Adds to the dense gradients and to dE; reports losses and sizes of the whole job's step.
  func lossAndGradients(
    _ model: PreciseModel, e: Matrix, slice: Slice, step: Int, dE: Matrix, communicator: any Communicator,
    workspace: Workspace, clock: StepClock
  ) throws -> StepReport {
    var report = StepReport()
    let users = try communicator.gatherCounts(slice.packed.users)
    let positions = try communicator.gatherCounts(slice.packed.positions)
    report.users = users.reduce(0, +)
    report.positions = positions.reduce(0, +)
    switch kind {
    case .universal(let objective):
      let batch = UniversalObjective.Batch(
        packed: slice.packed, input: slice.input, targetRows: slice.targetRows, targets: slice.targets,
        negatives: slice.negatives, globalPositions: max(report.positions, 1))
      let loss = objective.lossAndGradients(
        model, e: e, batch: batch, mode: mode(step, causal: true), dE: dE, workspace: workspace, clock: clock)
      report.loss = try communicator.sum([loss])[0]
    case .targeted(let objective, let weights):
      let batch = TargetedObjective.Batch(
        packed: slice.packed, input: slice.input, targetRows: slice.targetRows, targets: slice.targets,
        negatives: slice.negatives, usersOfRanks: users)
      let local = try objective.lossAndGradients(
        model, e: e, batch: batch, mode: mode(step, causal: false), dE: dE, communicator: communicator, workspace: workspace,
        clock: clock)
      let sums = try communicator.sum([local.bpr, local.softmax])
      report.loss = weights.bpr * sums[0] + weights.softmax * sums[1]
      report.terms = [("bpr", sums[0]), ("softmax", sums[1])]
    }
    return report
  }

  private func mode(_ step: Int, causal: Bool) -> ForwardMode {
    ForwardMode(seed: seed, step: UInt32(truncatingIfNeeded: step), dropout: dropout, causal: causal)
  }
}
