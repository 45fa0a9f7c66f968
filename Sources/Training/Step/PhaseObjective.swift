import Collectives
package import Config
import Host
import Model
package import Runs
package import Tensors

/// A phase's objective over the global batch: one door to both of them for the training step.
package struct PhaseObjective {
  /// This rank's slice of a batch; rows are those of the step's e.
  struct Slice {
    let packed: PackedBatch
    let input: SequenceEmbedding.Input
    let targetRows: RowList
    let targets: RowList
    let negatives: SampledSoftmax.Negatives
    /// Users of each rank's slice.
    let usersOfRanks: NumberList<Int>
    /// Positions of the whole job's batch.
    let globalPositions: Int
  }

  /// A term of the loss: what it is called and what it counts.
  struct Term {
    let name: String
    let weight: Double
  }

  private enum Kind {
    case universal(UniversalObjective)
    case targeted(TargetedObjective)
  }

  /// The loss is the weighted sum of these.
  let terms: [Term]
  private let kind: Kind
  private let seed: UInt64
  private let dropout: Float
  private let precision: Precision

  package init(_ plan: PhasePlan, _ config: RunConfig, _ precision: Precision) {
    self.precision = precision
    let scale = Float(config.model.logitScale)
    seed = plan.seed(config)
    switch plan.kind {
    case .universal:
      kind = .universal(UniversalObjective(logitScale: scale))
      terms = [Term(name: "softmax", weight: 1)]
      dropout = Float(config.model.dropout)
    case .targeted(let phase):
      let (bpr, softmax) = (phase.objective.bpr, phase.objective.softmax)
      kind = .targeted(TargetedObjective(bpr: Float(bpr), softmax: Float(softmax), logitScale: scale))
      terms = [Term(name: "bpr", weight: bpr), Term(name: "softmax", weight: softmax)]
      dropout = Float(phase.dropout ?? config.model.dropout)
    }
  }

  /// Adds to the dense gradients and to dE; writes this rank's part of each term's mean over the global batch.
  ///
  /// - Parameter onGradients: as in `PreciseModel.encodeBackward`.
  func lossAndGradients(
    _ model: PreciseModel, e: Matrix, slice: Slice, step: Int, dE: Matrix, losses: UnsafeMutableBufferPointer<Double>,
    communicator: any Communicator, workspace: Workspace, clock: StepClock, onGradients: (Int) throws -> Void
  ) throws {
    switch kind {
    case .universal(let objective):
      let batch = UniversalObjective.Batch(
        packed: slice.packed, input: slice.input, targetRows: slice.targetRows, targets: slice.targets,
        negatives: slice.negatives, globalPositions: max(slice.globalPositions, 1))
      losses[0] = try objective.lossAndGradients(
        model, e: e, batch: batch, mode: mode(step, causal: true), dE: dE, workspace: workspace, clock: clock,
        onGradients: onGradients)
    case .targeted(let objective):
      let batch = TargetedObjective.Batch(
        packed: slice.packed, input: slice.input, targetRows: slice.targetRows, targets: slice.targets,
        negatives: slice.negatives, usersOfRanks: slice.usersOfRanks.values)
      let local = try objective.lossAndGradients(
        model, e: e, batch: batch, mode: mode(step, causal: false), dE: dE, communicator: communicator, workspace: workspace,
        clock: clock, onGradients: onGradients)
      (losses[0], losses[1]) = (local.bpr, local.softmax)
    }
  }

  /// Writes the whole job's losses into a report.
  func describe(_ losses: UnsafeMutableBufferPointer<Double>, in report: inout StepReport) {
    for (term, loss) in zip(terms, losses) where term.weight > 0 { report.loss += term.weight * loss }
    guard case .targeted = kind else { return }
    report.bpr = terms[0].weight > 0 ? losses[0] : nil
    report.softmax = terms[1].weight > 0 ? losses[1] : nil
  }

  private func mode(_ step: Int, causal: Bool) -> ForwardMode {
    ForwardMode(
      seed: seed, step: UInt32(truncatingIfNeeded: step), dropout: dropout, causal: causal,
      precision: precision)
  }
}
