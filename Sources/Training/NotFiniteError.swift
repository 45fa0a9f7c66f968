/// A loss or a gradient that is no number, or far too large: all ranks stop.
public struct NotFiniteError: Error, CustomStringConvertible, Sendable {
  /// The phase.
  public let phase: String
  /// The step, from 1.
  public let step: Int
  /// The tensors that were not finite, as far as they need naming: `the embedding of item i42 (nan)`.
  public let tensors: String
  /// Ids of some of the batch's users, those that the tensor points at first.
  public var users: [String] = []
  /// Users of the whole batch.
  public var userCount = 0
  /// Where the diagnostic bundle is; nil when there is none.
  public var bundle: String?

  /// The whole sentence.
  public var description: String {
    let shown = users.joined(separator: ", ")
    let batch = users.isEmpty ? "" : " in a batch of \(userCount) users (\(shown)\(users.count < userCount ? ", …" : ""))"
    let place = bundle.map { "; \($0) has the details" } ?? ""
    return "\(phase), step \(step): \(tensors) is not finite, or beyond \(FiniteGuard.largest),\(batch)\(place); "
      + "lower optimizer.learning_rate or the rows' learning rates, or look for bad token states"
  }
}
