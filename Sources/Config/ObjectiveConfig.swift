/// Weights of a targeted phase's two losses; `{bpr: 1, softmax: 0}` is the paper.
public struct ObjectiveConfig: Sendable, Equatable {
  /// Weight of the cross-user BPR: the negative is another user.
  public var bpr = 0.0
  /// Weight of the sampled softmax over items (ours: BPR across users never makes items compete for a user).
  public var softmax = 1.0

  /// The defaults.
  public init() {}
}

extension ObjectiveConfig: ConfigSection {
  static let keys: [ConfigKey<ObjectiveConfig>] = [
    .value("bpr", \.bpr, .atLeast(0), "cross-user BPR (the paper); 0 = off"),
    .value("softmax", \.softmax, .atLeast(0), "sampled softmax over items, which full ranking measures; 0 = off"),
  ]
}
