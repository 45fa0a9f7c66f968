import CKernels
public import Tensors

/// What computes: for logs and benchmarks, and to prepare threads.
public enum Engine {
  /// "avx512_bf16", "avx2", "neon", …: the widest vectors of this machine that matter here.
  public static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// Whether this machine multiplies in a precision; float32 works everywhere.
  public static func supports(_ precision: Precision) -> Bool { precision == .fp32 || ck_bf16_products() == 1 }

  /// Prepares the calling thread for a rank's work: denormal results become zero.
  public static func prepareThread() { ck_flush_denormals() }
}
