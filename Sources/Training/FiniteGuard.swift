import Kernels
import Tensors

/// Finds, on every rank at once, that a step's numbers have gone wrong, before a row or a parameter changes.
enum FiniteGuard {
  /// Gradients beyond this are as bad as none: fusion's backward, which updates rows as it goes, multiplies them with weights and
  /// token states, and must not overflow on the way.
  ///
  /// Ours: gradients of a mean lie below 1 in a run that trains. With weights below 10³ and states below 10², a product of 10¹⁰ and sums of
  /// some 10⁶ of each stay below 10³², and float32 ends at 3 · 10³⁸.
  static let largest: Float = 1e10

  /// Notes, among the numbers that are about to be summed, whether this rank's gradients are fine.
  static func note(embeddings: Vector, dense: Vector, in sums: StepSums) {
    sums.badEmbeddings = isWithin(largest, embeddings) ? 0 : 1
    sums.badParameters = isWithin(largest, dense) ? 0 : 1
  }

  /// Whether all losses and gradients of the whole job are fine.
  static func passes(_ sums: StepSums) -> Bool {
    // A key path would be made once, by a rank that then allocates.
    sums.losses.allSatisfy { $0.isFinite } && sums.badEmbeddings == 0 && sums.badParameters == 0
  }
}
