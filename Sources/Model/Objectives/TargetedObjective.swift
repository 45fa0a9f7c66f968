import Collectives
import Host
package import Tensors

/// Phase 2: one target event a user, ranked against other users (BPR) and against other items (softmax).
///
/// docs/model.md, section 3.
///
/// `{bpr: 1, softmax: 0}` is the paper; the softmax term is ours: BPR across users never makes items compete for a user.
package struct TargetedObjective: Objective {
  package let terms: [LossTerm]
  package let isCausal = false
  private let crossUserBPR: CrossUserBPR
  private let sampledSoftmax: SampledSoftmax

  /// Makes the objective with its terms' weights and the factor s on every score.
  package init(bpr: Double, softmax: Double, logitScale: Float) {
    terms = [LossTerm(.bpr, weight: bpr), LossTerm(.softmax, weight: softmax)]
    crossUserBPR = CrossUserBPR(logitScale: logitScale)
    sampledSoftmax = SampledSoftmax(logitScale: logitScale)
  }

  package func lossAndGradients(
    _ model: PreciseModel, e: Matrix, batch: StepBatch, dE: Matrix, losses: UnsafeMutableBufferPointer<Double>,
    context: StepContext
  ) throws {
    guard let head = model.userHead else { preconditionFailure("a targeted phase needs a user head") }
    let (workspace, mode) = (context.workspace, context.mode)
    try workspace.scope {
      let users = workspace.matrix(batch.packed.users, e.columns)
      let (encoded, savedHead) = context.clock.time(.encode) {
        let encoded = model.encode(e, input: batch.input, batch: batch.packed, mode: mode, workspace: workspace)
        return (
          encoded,
          head.forward(encoded.hidden, batch: batch.packed, precision: mode.precision, into: users, workspace: workspace)
        )
      }
      let pass = Pass(users: users, dUsers: workspace.zeros(users.rows, users.columns), e: e, dE: dE, batch: batch)
      try context.clock.time(.loss) {
        losses[0] = terms[0].weight > 0 ? try rankAgainstUsers(pass, batch.communicator, workspace) : 0
        losses[1] = terms[1].weight > 0 ? rankAgainstItems(pass, context) : 0
      }
      try context.clock.time(.encodeBackward) {
        let dHidden = workspace.zeros(encoded.hidden.rows, encoded.hidden.columns)
        head.backward(saved: savedHead, dUsers: pass.dUsers, batch: batch.packed, dH: dHidden, workspace: workspace)
        try model.encodeBackward(encoded, dHidden: dHidden, input: batch.input, batch: batch.packed, dE: dE, context: context)
      }
    }
  }

  /// What both terms read and add to.
  private struct Pass {
    /// h' `[B, d]`.
    let users: Matrix
    let dUsers: Matrix
    /// `[U, d]`.
    let e: Matrix
    let dE: Matrix
    let batch: StepBatch
  }

  /// BPR over the global batch: users and targets are all-gathered, foreign users' gradients reduce-scattered back.
  private func rankAgainstUsers(_ pass: Pass, _ communicator: any Communicator, _ workspace: Workspace) throws -> Double {
    let (users, batch) = (pass.users, pass.batch)
    return try workspace.scope {
      let counts = batch.usersOfRanks
      let total = counts.reduce(0, +)
      let allUsers = workspace.matrix(total, users.columns)
      try communicator.allGather(
        UnsafeBufferPointer(start: users.base, count: users.count),
        into: UnsafeMutableBufferPointer(start: allUsers.base, count: allUsers.count), counts: counts, each: users.columns,
        as: .users)
      let allTargets = UnsafeMutableBufferPointer(start: workspace.take(Int32.self, total), count: total)
      try communicator.allGather(batch.targets, into: allTargets, counts: counts, as: .users)
      let first = counts[..<communicator.rank].reduce(0, +)
      let pairs = Double(max(CrossUserBPR.pairs(targets: RowList(allTargets), workspace: workspace), 1))
      let dAllUsers = workspace.zeros(total, users.columns)
      let sum = crossUserBPR.lossAndGradients(
        CrossUserBPR.Query(
          users: allUsers, targets: RowList(allTargets), own: first..<(first + users.rows), ownTargetRows: batch.targetRows),
        e: pass.e, weight: Float(terms[0].weight) / Float(pairs), dUsers: dAllUsers, dE: pass.dE, workspace: workspace)
      let own = workspace.matrix(users.rows, users.columns)
      try communicator.reduceScatter(
        UnsafeBufferPointer(start: dAllUsers.base, count: dAllUsers.count), counts: counts, each: users.columns,
        into: UnsafeMutableBufferPointer(start: own.base, count: own.count), as: .users)
      add(own, to: pass.dUsers)
      return sum / pairs
    }
  }

  /// The sampled softmax of section 2 with h' as the query.
  private func rankAgainstItems(_ pass: Pass, _ context: StepContext) -> Double {
    let total = Double(pass.batch.usersOfRanks.reduce(0, +))
    let query = SampledSoftmax.Query(hidden: pass.users, targetRows: pass.batch.targetRows, targets: pass.batch.targets)
    let sum = sampledSoftmax.lossAndGradients(
      query, negatives: pass.batch.negatives, e: pass.e, weight: Float(terms[1].weight) / Float(total), dHidden: pass.dUsers,
      dE: pass.dE, context: context)
    return sum / total
  }
}
