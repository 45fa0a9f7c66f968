package import Host

/// The extents of embedding fusion.
///
/// Letters in docs/shapes.md.
package struct FusionShape: Sendable, Equatable {
  /// What the gate reads of an item.
  package enum GateInput: String, Sendable {
    /// The mean of the item's token states (ours: does not tie the gate to token positions).
    case mean
    /// The token states one behind the other, padded with zeros to m (the paper).
    case concat
  }

  /// d_id, the width of the ID half; 0 = no ID embedding.
  package let idWidth: Int
  /// d_s, the width of the semantic half; 0 = no text.
  package let semanticWidth: Int
  /// dt, the width of a token state.
  package let tokenWidth: Int
  /// m, the most tokens of an item.
  package let tokens: Int
  /// K, the number of experts.
  package let experts: Int
  /// k, the experts that an item uses.
  package let active: Int
  /// What the gate reads.
  package let gateInput: GateInput

  /// Describes a fusion.
  package init(
    idWidth: Int, semanticWidth: Int, tokenWidth: Int, tokens: Int, experts: Int, active: Int, gateInput: GateInput
  ) {
    precondition(active >= 1 && active <= experts && idWidth + semanticWidth > 0, "\(active) of \(experts) experts")
    self.idWidth = idWidth
    self.semanticWidth = semanticWidth
    self.tokenWidth = tokenWidth
    self.tokens = tokens
    self.experts = experts
    self.active = active
    self.gateInput = gateInput
  }

  /// d, the width of a fused embedding.
  package var width: Int { idWidth + semanticWidth }
  /// The width of the gate's input: dt or m · dt.
  package var gateWidth: Int { gateInput == .mean ? tokenWidth : tokens * tokenWidth }
  /// What the experts' products can be formed in: pairs of bfloat16 need even widths.
  package func productPrecision(_ precision: NumberFormat) -> NumberFormat {
    tokenWidth % 2 == 0 && semanticWidth % 2 == 0 ? precision : .fp32
  }
  /// Whether items have a semantic half.
  package var readsText: Bool { semanticWidth > 0 && tokenWidth > 0 }
}
