import CKernels
import Foundation
import Host
import Testing

@testable import Tensors

@Suite struct ProductKernelTests {
  /// What Linux says of this processor.
  private func processorHas(_ flag: String) throws -> Bool {
    try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(whereSeparator: \.isWhitespace).contains(Substring(flag))
  }

  @Test func kernelsAreThoseOfTheProcessor() throws {
    #if arch(x86_64)
      #expect((ProductKernel.avx512.state == .usable) == (try processorHas("avx512_bf16")))
      // The operating system may still refuse it.
      #expect((ProductKernel.amx.state == .noProcessor) == !(try processorHas("amx_bf16")))
      #expect(ProductKernel.bfmmla.state == .elsewhere)
    #elseif arch(arm64)
      #expect((ProductKernel.bfmmla.state == .usable) == (try processorHas("bf16")))
      #expect(ProductKernel.avx512.state == .elsewhere && ProductKernel.amx.state == .elsewhere)
    #endif
    for kernel in ProductKernel.allCases { #expect(kernel.state != .wrong) }
    #expect(ProductKernel.current == ProductKernel.usable.last && Engine.supports(.bf16) == (ProductKernel.current != nil))
  }

  @Test func theSummaryNamesTheKernelAndWhyNoOther() {
    #expect(ProductKernel.summary.hasPrefix(ProductKernel.current?.rawValue ?? "none"))
    func summary(_ current: ProductKernel?, _ amx: ProductKernel.State, _ avx512: ProductKernel.State) -> String {
      ProductKernel.summary(current) { [.amx: amx, .avx512: avx512, .bfmmla: .elsewhere][$0]! }
    }
    #expect(summary(.amx, .usable, .usable) == "AMX (TDPBF16PS)")
    #expect(summary(.avx512, .noProcessor, .usable) == "AVX-512 (VDPBF16PS); AMX (TDPBF16PS): the processor lacks it")
    #expect(
      summary(.avx512, .notAllowed, .usable) == "AVX-512 (VDPBF16PS); AMX (TDPBF16PS): the operating system does not allow it")
    #expect(summary(.avx512, .wrong, .usable).hasSuffix("AMX (TDPBF16PS): not used, its results were wrong when it was tried"))
    #expect(summary(nil, .noProcessor, .noProcessor).hasPrefix("none; AMX"))
  }

  /// The numbers of C's enumeration are in the order of preference that the cases have.
  @Test func preferredKernelsComeLast() {
    #expect(CK_BF16_BFMMLA.rawValue < CK_BF16_AVX512.rawValue && CK_BF16_AVX512.rawValue < CK_BF16_AMX.rawValue)
    #expect(ProductKernel.allCases == [.bfmmla, .avx512, .amx])
    #expect(Int(CK_BF16_KERNELS.rawValue) == ProductKernel.allCases.count + 1)
    guard let current = ProductKernel.current else { return }
    current.use()
    #expect(ProductKernel.current == current)
  }
}
