import CKernels
package import Host

extension Workspace {
  /// Takes rows `[rows, columns]` with unspecified contents, stored as a precision asks.
  package func rows(_ rows: Int, _ columns: Int, _ precision: NumberFormat) -> StoredRows {
    StoredRows(
      take(UInt8.self, rows * columns * precision.size), precision, rows: rows, columns: columns)
  }
}

/// What computes: for logs and benchmarks, and to prepare threads.
package enum Engine {
  /// "avx512_bf16", "avx2", "neon", …: the widest vectors of this machine that matter here.
  package static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// Whether this machine multiplies in a precision; float32 works everywhere.
  package static func supports(_ precision: NumberFormat) -> Bool { precision == .fp32 || ck_bf16_products() == 1 }

  /// Prepares the calling thread for a rank's work: denormal results become zero.
  package static func prepareThread() { ck_flush_denormals() }
}
