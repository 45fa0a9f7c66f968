/// Where a step's shared negatives are drawn from.
public enum NegativeSource: String, Sendable {
  /// The items of the global batch: drawn as often as they are seen (the paper: items of other users' sequences).
  case batch
  /// Every item that has a training event, all alike (ours).
  case uniform
  /// Half of them of each kind (ours).
  case mixed
}

extension NegativeSource: ConfigChoice {}
