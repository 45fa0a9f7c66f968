package import Collectives
package import Host
package import Tensors

/// Phase 2: one target event a user, ranked against other users (BPR) and against other items (softmax).
///
/// docs/model.md, section 3.
///
/// `{bpr: 1, softmax: 0}` is the paper; the softmax term is ours: BPR across users never makes items compete for a user.
package struct TargetedObjective {
  /// One rank's slice of a step's batch; rows are those of the step's e `[U, d]`.
  package struct Batch {
    /// The histories.
    package let packed: PackedBatch
    /// What the positions refer to.
    package let input: SequenceEmbedding.Input
    /// Each user's target, as a row of e.
    package let targetRows: RowList
    /// Each user's target, as an item id.
    package let targets: RowList
    /// The step's shared negatives.
    package let negatives: SampledSoftmax.Negatives
    /// Users of each rank's slice: the whole job's batch in rank order.
    package let usersOfRanks: UnsafeBufferPointer<Int>

    /// Describes a slice.
    package init(
      packed: PackedBatch, input: SequenceEmbedding.Input, targetRows: RowList, targets: RowList,
      negatives: SampledSoftmax.Negatives, usersOfRanks: UnsafeBufferPointer<Int>
    ) {
      self.packed = packed
      self.input = input
      self.targetRows = targetRows
      self.targets = targets
      self.negatives = negatives
      self.usersOfRanks = usersOfRanks
    }
  }

  /// This rank's parts of the two mean losses, before their weights.
  package struct Losses: Sendable {
    /// Cross-user BPR.
    package var bpr = 0.0
    /// Sampled softmax of the targets.
    package var softmax = 0.0
  }

  private let bprWeight: Float
  private let softmaxWeight: Float
  private let crossUserBPR: CrossUserBPR
  private let sampledSoftmax: SampledSoftmax

  /// Makes the objective with its terms' weights and the factor s on every score.
  package init(bpr: Float, softmax: Float, logitScale: Float) {
    bprWeight = bpr
    softmaxWeight = softmax
    crossUserBPR = CrossUserBPR(logitScale: logitScale)
    sampledSoftmax = SampledSoftmax(logitScale: logitScale)
  }

  /// Returns this rank's part of the mean losses; adds to the dense gradients and to dE `[U, d]`.
  ///
  /// - Parameter onGradients: as in `PreciseModel.encodeBackward`.
  package func lossAndGradients(
    _ model: PreciseModel, e: Matrix, batch: Batch, mode: ForwardMode, dE: Matrix, communicator: any Communicator,
    workspace: Workspace, clock: StepClock = StepClock(), onGradients: (Int) throws -> Void = { _ in }
  ) throws -> Losses {
    guard let head = model.userHead else { preconditionFailure("a targeted phase needs a user head") }
    return try workspace.scope {
      let users = workspace.matrix(batch.packed.users, e.columns)
      let (encoded, savedHead) = clock.time(.encode) {
        let encoded = model.encode(e, input: batch.input, batch: batch.packed, mode: mode, workspace: workspace)
        return (
          encoded,
          head.forward(
            encoded.hidden, batch: batch.packed, precision: mode.precision, into: users, workspace: workspace)
        )
      }
      let dUsers = workspace.zeros(users.rows, users.columns)
      let losses = try clock.time(.loss) {
        try rank(users, e: e, batch, mode.precision, dUsers: dUsers, dE: dE, communicator, workspace)
      }
      try clock.time(.encodeBackward) {
        let dHidden = workspace.zeros(encoded.hidden.rows, encoded.hidden.columns)
        head.backward(saved: savedHead, dUsers: dUsers, batch: batch.packed, dH: dHidden, workspace: workspace)
        try model.encodeBackward(
          encoded, dHidden: dHidden, input: batch.input, batch: batch.packed, mode: mode, dE: dE, workspace: workspace,
          onGradients: onGradients)
      }
      return losses
    }
  }

  private func rank(
    _ users: Matrix, e: Matrix, _ batch: Batch, _ precision: Precision, dUsers: Matrix, dE: Matrix,
    _ communicator: any Communicator, _ workspace: Workspace
  ) throws -> Losses {
    var losses = Losses()
    if bprWeight > 0 {
      losses.bpr = try rankAgainstUsers(users, e: e, batch, dUsers: dUsers, dE: dE, communicator, workspace)
    }
    if softmaxWeight > 0 {
      losses.softmax = rankAgainstItems(users, e: e, batch, precision, dUsers: dUsers, dE: dE, workspace)
    }
    return losses
  }

  /// BPR over the global batch: users and targets are all-gathered, foreign users' gradients reduce-scattered back.
  private func rankAgainstUsers(
    _ users: Matrix, e: Matrix, _ batch: Batch, dUsers: Matrix, dE: Matrix, _ communicator: any Communicator,
    _ workspace: Workspace
  ) throws -> Double {
    try workspace.scope {
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
        users: allUsers, targets: RowList(allTargets), own: first..<(first + users.rows), ownTargetRows: batch.targetRows, e: e,
        weight: bprWeight / Float(pairs), dUsers: dAllUsers, dE: dE, workspace: workspace)
      let own = workspace.matrix(users.rows, users.columns)
      try communicator.reduceScatter(
        UnsafeBufferPointer(start: dAllUsers.base, count: dAllUsers.count), counts: counts, each: users.columns,
        into: UnsafeMutableBufferPointer(start: own.base, count: own.count), as: .users)
      add(own, to: dUsers)
      return sum / pairs
    }
  }

  /// The sampled softmax of section 2 with h' as the query.
  private func rankAgainstItems(
    _ users: Matrix, e: Matrix, _ batch: Batch, _ precision: Precision, dUsers: Matrix, dE: Matrix, _ workspace: Workspace
  ) -> Double {
    let total = Double(batch.usersOfRanks.reduce(0, +))
    let query = SampledSoftmax.Query(hidden: users, targetRows: batch.targetRows, targets: batch.targets)
    let sum = sampledSoftmax.lossAndGradients(
      query, negatives: batch.negatives, e: e, weight: softmaxWeight / Float(total), precision: precision,
      dHidden: dUsers, dE: dE, workspace: workspace)
    return sum / total
  }
}
