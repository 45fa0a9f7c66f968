import Host
package import Tensors

/// Phase 1: the next item at every position of every scene.
///
/// docs/model.md, section 2.
package struct UniversalObjective: Objective {
  package let terms = [LossTerm(.softmax, weight: 1)]
  package let isCausal = true
  private let softmax: SampledSoftmax

  /// Makes the objective with the factor s on every score.
  package init(logitScale: Float) { softmax = SampledSoftmax(logitScale: logitScale) }

  package func lossAndGradients(
    _ model: PreciseModel, e: Matrix, batch: StepBatch, dE: Matrix, losses: UnsafeMutableBufferPointer<Double>,
    context: StepContext
  ) throws {
    let positions = max(batch.globalPositions, 1)
    try context.workspace.scope {
      let encoded = context.clock.time(.encode) {
        model.encode(e, input: batch.input, batch: batch.packed, mode: context.mode, workspace: context.workspace)
      }
      let dHidden = context.workspace.zeros(encoded.hidden.rows, encoded.hidden.columns)
      let query = SampledSoftmax.Query(hidden: encoded.hidden, targetRows: batch.targetRows, targets: batch.targets)
      let sum = context.clock.time(.loss) {
        softmax.lossAndGradients(
          query, negatives: batch.negatives, e: e, weight: 1 / Float(positions), dHidden: dHidden, dE: dE, context: context)
      }
      try context.clock.time(.encodeBackward) {
        try model.encodeBackward(encoded, dHidden: dHidden, input: batch.input, batch: batch.packed, dE: dE, context: context)
      }
      losses[0] = sum / Double(positions)
    }
  }
}
