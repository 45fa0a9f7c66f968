/// Every extent and switch that decides what parameters a model has and what it computes with them.
package struct ModelShape: Sendable, Equatable {
  /// The targeted phases' user embedding.
  package enum UserHeadKind: String, Sendable {
    /// h of the newest event plus the MLP (ours).
    case residual
    /// The MLP alone (the paper).
    case mlp
  }

  /// Embedding fusion.
  package var fusion: FusionShape
  /// L, the number of transformer blocks.
  package var layers: Int
  /// H, the attention heads of a block.
  package var heads: Int
  /// n, the longest sequence.
  package var length: Int
  /// Rows of the scene embedding; nil = switched off.
  package var scenes: Int?
  /// Rows of the behavior embedding; nil = switched off.
  package var behaviors: Int?
  /// How the blocks add what their halves compute.
  package var block: BlockForm
  /// What attention's relative time bias counts from; nil = switched off.
  package var time: TimeAnchor?
  /// The user head; nil in the universal phase, which ranks with h of the newest event.
  package var userHead: UserHeadKind?

  /// Whether the model reads when the event to be predicted happens.
  package var readsRequestTime: Bool { time == .request }
  /// Whether blocks add through gates.
  package var isGated: Bool { block == .gated }

  /// Describes a model.
  package init(
    fusion: FusionShape, layers: Int, heads: Int, length: Int, scenes: Int? = nil, behaviors: Int? = nil,
    block: BlockForm = .prenorm, time: TimeAnchor? = nil, userHead: UserHeadKind? = nil
  ) {
    precondition(fusion.width % heads == 0, "\(heads) heads do not divide a width of \(fusion.width)")
    self.fusion = fusion
    self.layers = layers
    self.heads = heads
    self.length = length
    self.scenes = scenes
    self.behaviors = behaviors
    self.block = block
    self.time = time
    self.userHead = userHead
  }
}
