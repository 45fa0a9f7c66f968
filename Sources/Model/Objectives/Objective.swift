package import Collectives
package import Tensors

/// What a phase minimizes: a weighted sum of terms over the global batch.
package protocol Objective {
  /// The terms, in the order in which their losses are written.
  var terms: [LossTerm] { get }
  /// Whether a position reads only itself and earlier ones.
  var isCausal: Bool { get }
  /// Adds to the dense gradients and to dE `[U, d]`; writes this rank's part of each term's mean over the global batch.
  ///
  /// Collective where a term compares the users of all ranks.
  func lossAndGradients(
    _ model: PreciseModel, e: Matrix, batch: StepBatch, dE: Matrix, losses: UnsafeMutableBufferPointer<Double>,
    context: StepContext
  ) throws
}

/// A term of an objective.
package struct LossTerm: Sendable, Equatable {
  /// What a term compares.
  package enum Kind: String, Sendable {
    /// A user's target against other users' targets.
    case bpr
    /// The target against the step's negatives.
    case softmax
  }

  /// What it compares.
  package let kind: Kind
  /// Its weight in the loss.
  package let weight: Double

  /// Describes a term.
  package init(_ kind: Kind, weight: Double) {
    self.kind = kind
    self.weight = weight
  }
}

/// One rank's slice of a step's batch, as an objective takes it; rows are those of the step's e `[U, d]`.
package struct StepBatch {
  /// The sequences.
  package let packed: PackedBatch
  /// What the positions refer to.
  package let input: SequenceEmbedding.Input
  /// The target of each query (a position in phase 1, a user in phase 2), as a row of e.
  package let targetRows: RowList
  /// The same as item ids.
  package let targets: RowList
  /// The step's shared negatives.
  package let negatives: SampledSoftmax.Negatives
  /// Users of each rank's slice: the whole job's batch in rank order.
  package let usersOfRanks: UnsafeBufferPointer<Int>
  /// Positions of the whole job's batch.
  package let globalPositions: Int
  /// The ranks that share the batch.
  package let communicator: any Communicator

  /// Describes a slice.
  package init(
    packed: PackedBatch, input: SequenceEmbedding.Input, targetRows: RowList, targets: RowList,
    negatives: SampledSoftmax.Negatives, usersOfRanks: UnsafeBufferPointer<Int>, globalPositions: Int,
    communicator: any Communicator
  ) {
    self.packed = packed
    self.input = input
    self.targetRows = targetRows
    self.targets = targets
    self.negatives = negatives
    self.usersOfRanks = usersOfRanks
    self.globalPositions = globalPositions
    self.communicator = communicator
  }
}
