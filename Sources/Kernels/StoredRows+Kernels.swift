import Tensors

extension StoredRows {
  /// Whether elements are bfloat16, as the kernels of activations ask.
  var bf16Flag: Int32 {
    precondition(element == .fp32 || element == .bf16, "activations stored as \(element)")
    return element == .bf16 ? 1 : 0
  }

  /// The first element of rows in bfloat16.
  var bf16Base: UnsafeMutablePointer<UInt16> { base.assumingMemoryBound(to: UInt16.self) }
}

extension Precision {
  /// Whether factors are bfloat16, as the kernels ask.
  var bf16Flag: Int32 { self == .bf16 ? 1 : 0 }
}
