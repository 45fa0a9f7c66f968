import CMPIShim

/// An MPI call that failed: which call, on which rank, and MPI's own words.
package struct MPIError: Error, CustomStringConvertible, Equatable {
  /// The call, as the MPI standard names it.
  let call: String
  /// The rank that made it; nil before ranks are known.
  package let rank: Int?
  /// MPI's code.
  package let code: Int32
  /// MPI's text for the code.
  package let text: String

  /// One sentence.
  package var description: String {
    "\(rank.map { "rank \($0): " } ?? "")\(call) failed: \(text.isEmpty ? "MPI's code \(code)" : text)"
  }
}

/// Runs an MPI call and makes any code but success an error: nobody else looks at a code.
func check(_ call: String, rank: Int?, _ body: () -> Int32) throws(MPIError) {
  let code = body()
  guard code != 0 else { return }
  throw MPIError(call: call, rank: rank, code: code, text: mpiText { cmpi_error_text(code, $0, $1) })
}

/// A text that the shim writes into memory of ours.
func mpiText(_ write: (UnsafeMutablePointer<CChar>, Int) -> Void) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8192) { buffer in
    buffer.initialize(repeating: 0)
    guard let base = buffer.baseAddress else { return "" }
    write(base, buffer.count)
    return String(cString: base)
  }
}
