package import Host
package import Tensors

/// Phase 1: the next item at every position of every scene.
///
/// docs/model.md, section 2.
package struct UniversalObjective {
  /// One rank's slice of a step's batch; rows are those of the step's e `[U, d]`.
  package struct Batch {
    /// The sequences.
    package let packed: PackedBatch
    /// What the positions refer to.
    package let input: SequenceEmbedding.Input
    /// The next item of each position, as a row of e.
    package let targetRows: RowList
    /// The next item of each position, as an item id.
    package let targets: RowList
    /// The step's shared negatives.
    package let negatives: SampledSoftmax.Negatives
    /// Positions of the whole job's batch: what means are divided by.
    package let globalPositions: Int

    /// Describes a slice.
    package init(
      packed: PackedBatch, input: SequenceEmbedding.Input, targetRows: RowList, targets: RowList,
      negatives: SampledSoftmax.Negatives, globalPositions: Int
    ) {
      self.packed = packed
      self.input = input
      self.targetRows = targetRows
      self.targets = targets
      self.negatives = negatives
      self.globalPositions = globalPositions
    }
  }

  private let softmax: SampledSoftmax

  /// Makes the objective with the factor s on every score.
  package init(logitScale: Float) { softmax = SampledSoftmax(logitScale: logitScale) }

  /// Returns this rank's part of the mean loss; adds to the dense gradients and to dE `[U, d]`.
  ///
  /// - Parameter onGradients: as in `PreciseModel.encodeBackward`.
  package func lossAndGradients(
    _ model: PreciseModel, e: Matrix, batch: Batch, mode: ForwardMode, dE: Matrix, workspace: Workspace,
    clock: StepClock = StepClock(), onGradients: (Int) throws -> Void = { _ in }
  ) rethrows -> Double {
    try workspace.scope {
      let encoded = clock.time(.encode) {
        model.encode(e, input: batch.input, batch: batch.packed, mode: mode, workspace: workspace)
      }
      let dHidden = workspace.zeros(encoded.hidden.rows, encoded.hidden.columns)
      let query = SampledSoftmax.Query(hidden: encoded.hidden, targetRows: batch.targetRows, targets: batch.targets)
      let sum = clock.time(.loss) {
        softmax.lossAndGradients(
          query, negatives: batch.negatives, e: e, weight: 1 / Float(batch.globalPositions), precision: mode.precision,
          dHidden: dHidden, dE: dE, workspace: workspace)
      }
      try clock.time(.encodeBackward) {
        try model.encodeBackward(
          encoded, dHidden: dHidden, input: batch.input, batch: batch.packed, mode: mode, dE: dE, workspace: workspace,
          onGradients: onGradients)
      }
      return sum / Double(batch.globalPositions)
    }
  }
}
