import Collectives
import Config
import Host
import Synchronization
import Tensors
import Testing

@testable import Training

@Suite struct StepPrecisionTests {
  private func agreed(_ precision: NumberFormat, _ kernels: [[ProductKernel]]) throws -> [StepPrecision] {
    var compute = ComputeConfig()
    compute.precision = precision
    let wish = compute
    let found = Mutex<[Int: StepPrecision]>([:])
    try RankThreads.run(ranks: kernels.count) { communicator in
      let choice = try StepPrecision(wish, communicator: communicator, kernels: kernels[communicator.rank])
      found.withLock { $0[communicator.rank] = choice }
    }
    return found.withLock { found in kernels.indices.compactMap { found[$0] } }
  }

  @Test func everyRankMustBeAble() throws {
    let able = try agreed(.bf16, [[.avx512], [.avx512], [.avx512]])
    #expect(able.count == 3)
    for choice in able { #expect(choice.precision == .bf16 && choice.kernel == .avx512 && choice.warning == nil) }
    for (rank, choice) in try agreed(.bf16, [[.avx512], [], [.avx512, .amx]]).enumerated() {
      #expect(choice.precision == .fp32 && choice.kernel == nil)
      let expected =
        "compute.precision: bf16 needs processors that multiply bfloat16, which 1 of 3 ranks lack (rank \(rank) has "
        + "\(Engine.instructionSet)): products are computed in fp32"
      #expect(choice.warning == expected)
    }
    for choice in try agreed(.fp32, [[], [.avx512]]) {
      #expect(choice.precision == .fp32 && choice.kernel == nil && choice.warning == nil)
    }
  }

  @Test func allRanksTakeOneKernel() throws {
    for choice in try agreed(.bf16, [[.avx512, .amx], [.avx512, .amx]]) { #expect(choice.kernel == .amx) }
    for choice in try agreed(.bf16, [[.avx512, .amx], [.avx512], [.avx512, .amx]]) {
      #expect(choice.precision == .bf16 && choice.kernel == .avx512 && choice.warning == nil)
    }
    for choice in try agreed(.bf16, [[.bfmmla], [.avx512, .amx]]) {
      #expect(choice.precision == .fp32 && choice.kernel == nil)
      #expect(choice.warning?.contains("the 2 ranks have no such products in common") == true)
    }
  }
}
