import Kernels
import Tensors

/// A loss or a gradient that is no number: the run stops before a parameter changes.
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

/// Stops a step whose numbers have gone wrong.
struct FiniteGuard {
  let phase: String

  /// Throws when the loss, a gradient of the item embeddings or one of the dense parameters is not finite.
  func check(loss: Double, embeddings: Vector, dense: Vector, step: Int) throws(NotFiniteError) {
    guard loss.isFinite else { throw NotFiniteError(phase: phase, step: step + 1, what: "loss (\(loss))") }
    for (gradient, name) in [(embeddings, "item embeddings"), (dense, "dense parameters")] {
      guard isFinite(gradient) else { throw NotFiniteError(phase: phase, step: step + 1, what: "gradient of the \(name)") }
    }
  }
}
