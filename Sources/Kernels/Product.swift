import CKernels
public import Tensors

/// `c = factor · op(a) · op(b) + keep · c`, by oneDNN; op transposes when asked.
///
/// Shapes: op(a) `[m, k]`, op(b) `[k, n]`, c `[m, n]`; rows may have gaps. Traps when they do not fit.
public func multiply(
  _ a: Matrix, transposed transposeA: Bool = false, _ b: Matrix, rightTransposed transposeB: Bool = false, into c: Matrix,
  factor: Float = 1, keep: Float = 0
) {
  let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
  let (inner, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
  precondition(
    k == inner && c.rows == m && c.columns == n,
    "product of \(a.shape)\(transposeA ? "ᵀ" : "") and \(b.shape)\(transposeB ? "ᵀ" : "") into \(c.shape)")
  guard k > 0 else {
    if keep == 0 { c.clear() }
    return
  }
  check(
    "product [\(m), \(k)] x [\(k), \(n)]",
    ck_gemm(
      transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, factor, a.base, max(a.stride, 1), b.base, max(b.stride, 1), keep, c.base,
      max(c.stride, 1)))
}

/// What computes, for logs and benchmarks: library, version, instruction set.
public enum Engine {
  /// "oneDNN 2.6.3".
  public static var library: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      text.initialize(repeating: 0)
      ck_gemm_library(text.baseAddress, text.count)
      return String(cString: text.baseAddress!)
    }
  }
  /// "avx512_bf16", "avx2", "neon", …: the widest vectors of this machine that matter here.
  public static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// Prepares the calling thread for a rank's work: its products use `threads` threads, denormal results become zero.
  public static func prepareThread(threads: Int) {
    ck_set_threads(Int32(threads))
    ck_flush_denormals()
  }
}
