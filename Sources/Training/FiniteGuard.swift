import Kernels
import Tensors

/// A loss or a gradient that is no number: all ranks stop, before a row or a parameter changes.
public struct NotFiniteError: Error, CustomStringConvertible, Sendable {
  /// The phase.
  public let phase: String
  /// The step, from 1.
  public let step: Int
  /// What was not finite: the loss, or a gradient by its name.
  public let what: String

  /// The whole sentence.
  public var description: String {
    "\(phase), step \(step): the \(what) is not finite; lower optimizer.learning_rate or the rows' learning rates, or look for bad token states"
  }
}

/// Stops a step whose numbers have gone wrong, on every rank at once.
struct FiniteGuard {
  let phase: String

  /// Notes, among the numbers that are about to be summed, whether this rank's gradients are finite.
  func note(embeddings: Vector, dense: Vector, in sums: StepSums) {
    sums.badEmbeddings = isFinite(embeddings) ? 0 : 1
    sums.badParameters = isFinite(dense) ? 0 : 1
  }

  /// Throws, on every rank, when any rank's loss or gradients are not finite; the sums are the whole job's.
  func check(_ sums: StepSums, step: Int) throws(NotFiniteError) {
    if let loss = sums.losses.first(where: { !$0.isFinite }) { throw error("loss (\(loss))", step) }
    if sums.badEmbeddings > 0 { throw error("gradient of the item embeddings", step) }
    if sums.badParameters > 0 { throw error("gradient of the dense parameters", step) }
  }

  /// Throws, on every rank, when the norm of the summed dense gradients is not finite.
  func check(norm: Double, step: Int) throws(NotFiniteError) {
    guard norm.isFinite else { throw error("gradient of the dense parameters", step) }
  }

  private func error(_ what: String, _ step: Int) -> NotFiniteError {
    NotFiniteError(phase: phase, step: step + 1, what: what)
  }
}
