import CKernels
package import Host

/// What computes: for logs and benchmarks, and to prepare threads.
package enum Engine {
  /// "amx_bf16", "avx512_bf16", "avx2", "neon", …: the kernel of bfloat16 products in use, else the widest vectors that matter here.
  package static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// Whether this machine multiplies factors in a format; float32 works everywhere, half precision nowhere.
  package static func supports(_ format: NumberFormat) -> Bool {
    format == .fp32 || format == .bf16 && ck_bf16_products() == 1
  }

  /// Prepares the calling thread for a rank's work: denormal results become zero.
  package static func prepareThread() { ck_flush_denormals() }
}
