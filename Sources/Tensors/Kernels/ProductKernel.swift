import CKernels

/// A kernel that multiplies bfloat16, the preferred ones last; `Sources/CKernels/bf16_kernel.c` chooses.
package enum ProductKernel: String, Sendable, CaseIterable {
  /// ARM's instruction for it.
  case bfmmla = "BFMMLA"
  /// AVX-512's instruction for it.
  case avx512 = "AVX-512 (VDPBF16PS)"
  /// The tiles of Intel's processors since Sapphire Rapids.
  case amx = "AMX (TDPBF16PS)"

  /// Whether a kernel can be used on this machine.
  package enum State: Sendable {
    /// It can.
    case usable
    /// It is for other processors than the program is built for.
    case elsewhere
    /// This processor lacks the instructions.
    case noProcessor
    /// The operating system does not let the program use them.
    case notAllowed
    /// Its results were not those of plain loops when it was tried, so it is not used.
    case wrong
  }

  /// On this machine; looked up and tried once.
  package var state: State {
    switch ck_kernel_state(UInt32(ck_bf16_kernel_state(number))) {
    case CK_KERNEL_USABLE: .usable
    case CK_KERNEL_NO_PROCESSOR: .noProcessor
    case CK_KERNEL_NOT_ALLOWED: .notAllowed
    case CK_KERNEL_WRONG: .wrong
    default: .elsewhere
    }
  }

  /// The kernels that this machine can use, the preferred one last.
  package static var usable: [ProductKernel] { allCases.filter { $0.state == .usable } }

  /// The kernel in use; nil when this machine multiplies no bfloat16.
  package static var current: ProductKernel? { allCases.first { $0.number == ck_bf16_kernel() } }

  /// Multiplies with this kernel from now on, in all threads; a usable one, and not while products are computed by another.
  package func use() {
    precondition(state == .usable, "\(rawValue) is \(state)")
    ck_use_bf16_kernel(number)
  }

  /// The kernel in use, and why it is none of the others that such a processor may have: "AVX-512 (VDPBF16PS); AMX (TDPBF16PS): the
  /// processor lacks it".
  package static var summary: String { summary(current) { $0.state } }

  /// The same of any states.
  static func summary(_ current: ProductKernel?, _ state: (ProductKernel) -> State) -> String {
    let others = allCases.reversed().compactMap { kernel in reason(state(kernel)).map { "\(kernel.rawValue): \($0)" } }
    return ([current?.rawValue ?? "none"] + others).joined(separator: "; ")
  }

  private static func reason(_ state: State) -> String? {
    switch state {
    case .usable, .elsewhere: nil
    case .noProcessor: "the processor lacks it"
    case .notAllowed: "the operating system does not allow it"
    case .wrong: "not used, its results were wrong when it was tried"
    }
  }

  private var number: Int32 {
    let kernel =
      switch self {
      case .bfmmla: CK_BF16_BFMMLA
      case .avx512: CK_BF16_AVX512
      case .amx: CK_BF16_AMX
      }
    return Int32(kernel.rawValue)
  }
}
