/// How floating-point numbers are kept: in memory, as factors of products, between ranks.
///
/// One list for all of these, in the lowest target, so that what the configuration asks for is passed to kernels unchanged. Not
/// every use takes every format: products and messages know `fp32` and `bf16`, rows of a table all three. What a file's tensors
/// are stored as is `ElementType` of Files, which is safetensors' list and has whole numbers, too.
package enum NumberFormat: String, Sendable, BitwiseCopyable, CaseIterable {
  /// IEEE 754 single precision.
  case fp32
  /// bfloat16: the upper half of a float32, so half the memory and the same range with seven bits of fraction.
  ///
  /// As factors of products it needs no loss scaling (Kalamkar and others 2019).
  case bf16
  /// IEEE 754 half precision: ten bits of fraction, but larger values than ±65,504 are clamped to it.
  case fp16

  /// Bytes of one number.
  package var size: Int {
    switch self {
    case .fp32: 4
    case .bf16, .fp16: 2
    }
  }
}
