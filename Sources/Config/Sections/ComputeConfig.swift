package import Host

/// Number formats: of the arithmetic, and of what is kept in memory.
package struct ComputeConfig: Sendable, Equatable {
  /// Format of the inputs of matrix products.
  package var precision = NumberFormat.fp32
  /// Format of the item table's token states in memory.
  package var tokenStorage = NumberFormat.fp32
  /// Format of the dense gradients between ranks.
  package var gradientWire = NumberFormat.fp32
  /// Whether messages travel while the step computes: dense gradients behind backward, the next step's row numbers.
  package var overlap = true
  /// Whether ranks of a host send together what goes to another host.
  package var byHost = ByHost.auto

  /// When ranks send by host.
  package enum ByHost: String, ConfigChoice {
    /// Where it saves each rank enough messages.
    case auto
    /// Wherever there are several hosts.
    case always
    /// Every rank sends to every rank.
    case never
  }

  /// The defaults.
  package init() {}
}

extension ComputeConfig: ConfigSection {
  static let about = "Number formats of the arithmetic, of what is kept in memory and of what travels between ranks."

  static let keys: [ConfigKey<ComputeConfig>] = [
    .choice(
      "precision", \.precision, among: [.fp32, .bf16],
      "inputs of training's matrix products; bf16 needs AVX-512 BF16 (about twice as fast), AMX or ARM's BF16"),
    .choice(
      "token_storage", \.tokenStorage, among: NumberFormat.allCases,
      "token states in memory; bf16 and fp16 halve the item table and round its updates at random"),
    .choice(
      "gradient_wire", \.gradientWire, among: [.fp32, .bf16],
      "dense gradients between ranks; bf16 halves what is sent, sums stay fp32"),
    .choice(
      "by_host", \.byHost, among: ByHost.allCases,
      "ranks of a host send together what goes to another host; auto: where that saves enough messages"),
    .value("overlap", \.overlap, .any, "send messages while the step computes; false only to measure what that brings"),
  ]
}
