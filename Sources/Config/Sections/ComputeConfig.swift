/// Number formats: of the arithmetic, and of what is kept in memory.
package struct ComputeConfig: Sendable, Equatable {
  /// Format of the inputs of matrix products.
  package enum Precision: String, ConfigChoice {
    /// 32-bit throughout.
    case fp32
    /// bfloat16 inputs, 32-bit sums.
    case bf16
  }

  /// Format of the item table's token states in memory.
  package enum TokenStorage: String, ConfigChoice {
    /// 32 bits.
    case fp32
    /// bfloat16: read in place, updated in 32 bits, rounded at random.
    case bf16
    /// IEEE half precision: as bf16, with three more binary digits and no number beyond 65,504.
    case fp16
  }

  /// Format of the inputs of matrix products.
  package var precision = Precision.fp32
  /// Format of the item table's token states in memory.
  package var tokenStorage = TokenStorage.fp32
  /// Format of the dense gradients between ranks.
  package var gradientWire = Precision.fp32
  /// Whether messages travel while the step computes: dense gradients behind backward, the next step's row numbers.
  package var overlap = true

  /// The defaults.
  package init() {}
}

extension ComputeConfig: ConfigSection {
  static let about = "Number formats of the arithmetic, of what is kept in memory and of what travels between ranks."

  static let keys: [ConfigKey<ComputeConfig>] = [
    .value(
      "precision", \.precision, .any, "inputs of training's matrix products; bf16 is about twice as fast and needs AVX-512 BF16"),
    .value(
      "token_storage", \.tokenStorage, .any,
      "token states in memory; bf16 and fp16 halve the item table and round its updates at random"),
    .value("gradient_wire", \.gradientWire, .any, "dense gradients between ranks; bf16 halves what is sent, sums stay fp32"),
    .value("overlap", \.overlap, .any, "send messages while the step computes; false only to measure what that brings"),
  ]
}
