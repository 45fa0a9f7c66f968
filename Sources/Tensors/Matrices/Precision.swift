import CKernels

/// What the factors of a training step's products are rounded to; sums are float32 either way.
///
/// bfloat16 keeps float32's range with seven bits of fraction, so it needs no loss scaling (Kalamkar and others 2019). Parameters,
/// their gradients and the residual stream stay float32: only what products read, and what a step keeps for its backward, is rounded.
package enum Precision: Sendable {
  /// IEEE 754 single precision.
  case fp32
  /// bfloat16 factors.
  case bf16

  /// How factors are stored.
  package var element: StoredRows.Element {
    switch self {
    case .fp32: .fp32
    case .bf16: .bf16
    }
  }
}

extension Workspace {
  /// Takes rows `[rows, columns]` with unspecified contents, stored as a precision asks.
  package func rows(_ rows: Int, _ columns: Int, _ precision: Precision) -> StoredRows {
    StoredRows(
      take(UInt8.self, rows * columns * precision.element.size), precision.element, rows: rows, columns: columns)
  }
}

/// What computes: for logs and benchmarks, and to prepare threads.
package enum Engine {
  /// "avx512_bf16", "avx2", "neon", …: the widest vectors of this machine that matter here.
  package static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// Whether this machine multiplies in a precision; float32 works everywhere.
  package static func supports(_ precision: Precision) -> Bool { precision == .fp32 || ck_bf16_products() == 1 }

  /// Prepares the calling thread for a rank's work: denormal results become zero.
  package static func prepareThread() { ck_flush_denormals() }
}
