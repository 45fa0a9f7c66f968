/// What the model is: embedding fusion (ID half, semantic half, experts) and the transformer over it.
package struct ModelConfig: Sendable, Equatable {
  /// What the gate of the experts sees of an item's token states.
  package enum GateInput: String, ConfigChoice {
    /// The mean over the item's tokens: no weight is tied to a token's place (ours).
    case mean
    /// All tokens after one another, padded with zeros (the paper).
    case concat
  }

  /// How text reaches a score.
  package enum Fusion: String, ConfigChoice {
    /// Through the semantic half of an item's embedding alone (the paper).
    case paper
    /// Besides, by the similarity of text vectors, blended in after a phase is trained (ours).
    case similarity
  }

  /// How a transformer block adds what attention and feed-forward network compute.
  package enum Block: String, ConfigChoice {
    /// As it is (the paper's figure has plain blocks; the norm before each half is ours).
    case prenorm
    /// Through a learned gate, with a gated linear unit in the feed-forward network: for more than a few blocks.
    case gated
  }

  /// What attention knows of the time between two events (ours; the paper knows their order alone).
  package enum Time: String, ConfigChoice {
    /// Nothing.
    case none
    /// How long before the reading event the read one was.
    case gaps
    /// How long before the event to be predicted it was; when serving, before the request.
    case request
  }

  /// How text reaches a score.
  package var fusion = Fusion.similarity
  /// Width of the ID half of an item's embedding; 0 = text only.
  package var idDim = 64
  /// Width of the semantic half; 0 = ID only.
  package var semanticDim = 64
  /// Number of experts, K.
  package var experts = 8
  /// Experts computed for an item, k.
  package var activeExperts = 2
  /// What the gate sees.
  package var gateInput = GateInput.mean
  /// Transformer blocks.
  package var layers = 2
  /// Attention heads of a block.
  package var heads = 2
  /// Sequence length n, in events.
  package var length = 50
  /// Share of numbers dropped in training.
  package var dropout = 0.2
  /// Weight of the load-balance loss.
  package var balance = 0.01
  /// Factor on every score h·e before the softmax.
  package var logitScale = 1.0
  /// Whether an embedding of the event's scene is added to the input.
  package var sceneEmbedding = false
  /// Whether an embedding of the event's behavior is added to the input.
  package var behaviorEmbedding = false
  /// How a block adds what its halves compute.
  package var block = Block.prenorm
  /// What attention knows of the time between two events.
  package var time = Time.none

  /// The defaults.
  package init() {}

  /// Width d of an item's embedding and of the transformer: ID half and semantic half together.
  package var dim: Int { idDim + semanticDim }
}

extension ModelConfig: ConfigSection {
  static let about = """
    What the model is. An item becomes an embedding of two halves: the ID half is a trained row of its own, the semantic half is \
    made of the token states of its text by a mixture of experts. A transformer reads a user's newest events and scores every item.
    """

  static let keys: [ConfigKey<ModelConfig>] = [
    .value(
      "fusion", \.fusion, .any,
      "how text reaches a score: paper = by the semantic half; similarity = text vectors blended in besides"),
    .value("id_dim", \.idDim, .within(0...4096), "width of the ID half of an item's embedding; 0 = text only"),
    .value("semantic_dim", \.semanticDim, .within(0...4096), "width of the semantic half of an item's embedding; 0 = ID only"),
    .value("experts", \.experts, .within(1...256), "experts that turn text into the semantic half (the paper: 8)"),
    .value("active_experts", \.activeExperts, .within(1...256), "experts computed for an item, at most experts (the paper: 2)"),
    .value(
      "gate_input", \.gateInput, .any,
      "what chooses an item's experts: mean of its token states; concat = all in a row (the paper)"),
    .value("layers", \.layers, .within(1...64), "transformer blocks"),
    .value("heads", \.heads, .within(1...64), "attention heads of a block; must divide id_dim + semantic_dim"),
    .value("length", \.length, .within(1...8192), "events of a user that the model reads, the newest ones"),
    .value(
      "dropout", \.dropout, .from(0, below: 1), "share of numbers dropped in training: inputs, attention and feed-forward outputs"
    ),
    .value("balance", \.balance, .atLeast(0), "weight of the loss that spreads items over the experts; 0 = off"),
    .value(
      "logit_scale", \.logitScale, .above(0), "factor on every score before the softmax; 1 learned faster than 1/sqrt(width)"),
    .value(
      "scene_embedding", \.sceneEmbedding, .any, "tell the model each event's scene, by a trained vector added to the input"),
    .value(
      "behavior_embedding", \.behaviorEmbedding, .any,
      "tell the model each event's behavior, by a trained vector added to the input"),
    .value("block", \.block, .any, "prenorm = plain sums; gated = learned gates and SwiGLU, for more than a few blocks"),
    .value(
      "time", \.time, .any,
      "time that attention sees: none, gaps between events, or up to the request (the predicted event's time)"),
  ]
}
