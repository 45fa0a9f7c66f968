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

/// A loss or a gradient that is no number, or far too large: all ranks stop.
package struct NotFiniteError: Error, CustomStringConvertible, Sendable {
  /// The phase.
  package let phase: String
  /// The step, from 1.
  package let step: Int
  /// The tensors that were not finite, as far as they need naming: `the embedding of item i42 (nan)`.
  package let tensors: String
  /// Ids of some of the batch's users, those that the tensor points at first.
  package var users: [String] = []
  /// Users of the whole batch.
  package var userCount = 0
  /// Where the diagnostic bundle is; nil when there is none.
  package var bundle: String?

  /// The whole sentence.
  package var description: String {
    let shown = users.joined(separator: ", ")
    let batch = users.isEmpty ? "" : " in a batch of \(userCount) users (\(shown)\(users.count < userCount ? ", …" : ""))"
    let location = bundle.map { "; \($0) has the details" } ?? ""
    return "\(phase), step \(step): \(tensors) is not finite, or beyond \(FiniteGuard.largest),\(batch)\(location); "
      + "lower optimizer.learning_rate or the rows' learning rates, or look for bad token states"
  }
}
