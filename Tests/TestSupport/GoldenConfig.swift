/// The shape and switches of a golden case, as its metadata states them.
package struct GoldenConfig: Decodable, Sendable, Equatable {
  /// What the gate reads of an item's token states.
  package enum GateInput: String, Decodable, Sendable {
    /// Their mean.
    case mean
    /// All of them, one after the other, zeros where there is none.
    case concat
  }

  /// What attention knows of the time between two events.
  package enum Time: String, Decodable, Sendable {
    /// Nothing.
    case none
    /// How far apart they are.
    case gaps
    /// How far from the event to be predicted.
    case request
  }

  /// V, items of the catalogue.
  package let items: Int
  /// m, token states kept of an item.
  package let tokens: Int
  /// dₜ, width of a token state.
  package let tokenDimension: Int
  /// d_id, width of the ID half.
  package let idDimension: Int
  /// d_s, width of the semantic half.
  package let semanticDimension: Int
  /// K, experts.
  package let experts: Int
  /// k, experts active for an item.
  package let active: Int
  /// H, transformer layers.
  package let layers: Int
  /// Attention heads of a layer.
  package let heads: Int
  /// n, positions of a sequence.
  package let length: Int
  /// λ, weight of the load-balance loss.
  package let balance: Float
  /// s, factor of every score in a loss.
  package let logitScale: Float
  /// True: the last position's output is added to the user head's; false: the paper's head.
  package let residualUserHead: Bool
  /// What the gate reads; mean when the file says nothing.
  package let gateInput: GateInput
  /// Whether the case has a tensor `log_q`.
  package let logQ: Bool
  /// Rows of the scene embedding; 0 = switched off.
  package let scenes: Int
  /// Rows of the behavior embedding; 0 = switched off.
  package let behaviors: Int

  /// What attention's time bias counts from; none = there is none.
  package let time: Time
  /// Whether blocks add through gates.
  package let isGated: Bool

  /// d, width of an item's embedding and of the transformer.
  package var dimension: Int {
    idDimension + semanticDimension
  }

  private enum CodingKeys: String, CodingKey {
    case items, tokens, experts, active, layers, heads, length, balance, scenes, behaviors, time, block
    case tokenDimension = "token_dim"
    case idDimension = "id_dim"
    case semanticDimension = "semantic_dim"
    case logitScale = "logit_scale"
    case residualUserHead = "residual_user_head"
    case gateInput = "gate_input"
    case logQ = "log_q"
  }

  /// Decodes; the keys that older writers of the format do not know have defaults.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    items = try container.decode(Int.self, forKey: .items)
    tokens = try container.decode(Int.self, forKey: .tokens)
    tokenDimension = try container.decode(Int.self, forKey: .tokenDimension)
    idDimension = try container.decode(Int.self, forKey: .idDimension)
    semanticDimension = try container.decode(Int.self, forKey: .semanticDimension)
    experts = try container.decode(Int.self, forKey: .experts)
    active = try container.decode(Int.self, forKey: .active)
    layers = try container.decode(Int.self, forKey: .layers)
    heads = try container.decode(Int.self, forKey: .heads)
    length = try container.decode(Int.self, forKey: .length)
    balance = try container.decode(Float.self, forKey: .balance)
    logitScale = try container.decode(Float.self, forKey: .logitScale)
    residualUserHead = try container.decode(Bool.self, forKey: .residualUserHead)
    gateInput = try container.decodeIfPresent(GateInput.self, forKey: .gateInput) ?? .mean
    logQ = try container.decodeIfPresent(Bool.self, forKey: .logQ) ?? false
    scenes = try container.decodeIfPresent(Int.self, forKey: .scenes) ?? 0
    behaviors = try container.decodeIfPresent(Int.self, forKey: .behaviors) ?? 0
    time = try container.decodeIfPresent(Time.self, forKey: .time) ?? .none
    isGated = try container.decodeIfPresent(String.self, forKey: .block) == "gated"
  }
}
