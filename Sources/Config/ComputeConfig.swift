/// Number format of the arithmetic.
public struct ComputeConfig: Sendable, Equatable {
  /// Format of the inputs of matrix products.
  public enum Precision: String, ConfigChoice {
    /// 32-bit throughout.
    case fp32
    /// bfloat16 inputs, 32-bit sums.
    case bf16
  }

  /// Format of the inputs of matrix products.
  public var precision = Precision.fp32
  /// Format of the dense gradients between ranks.
  public var gradientWire = Precision.fp32

  /// The defaults.
  public init() {}
}

extension ComputeConfig: ConfigSection {
  static let keys: [ConfigKey<ComputeConfig>] = [
    .value("precision", \.precision, .any, "fp32; bf16 is planned and refused until it is built"),
    .value("gradient_wire", \.gradientWire, .any, "dense gradients between ranks; bf16 halves them, sums stay fp32"),
  ]
}
