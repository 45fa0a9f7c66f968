import Collectives
import Config
import Host
import Synchronization
import Tensors
import Testing

@testable import Training

@Suite struct StepPrecisionTests {
  private func agreed(_ precision: NumberFormat, able: [Bool]) throws -> [StepPrecision] {
    var compute = ComputeConfig()
    compute.precision = precision
    let wish = compute
    let found = Mutex<[Int: StepPrecision]>([:])
    try RankThreads.run(ranks: able.count) { communicator in
      let choice = try StepPrecision(wish, communicator: communicator, isSupported: able[communicator.rank])
      found.withLock { $0[communicator.rank] = choice }
    }
    return found.withLock { found in able.indices.compactMap { found[$0] } }
  }

  @Test func everyRankMustBeAble() throws {
    #expect(try agreed(.bf16, able: [true, true, true]).count == 3)
    for choice in try agreed(.bf16, able: [true, true, true]) { #expect(choice.precision == .bf16 && choice.warning == nil) }
    for (rank, choice) in try agreed(.bf16, able: [true, false, true]).enumerated() {
      #expect(choice.precision == .fp32)
      let expected =
        "compute.precision: bf16 needs processors with AVX-512 BF16, which 1 of 3 ranks lack (rank \(rank) has "
        + "\(Engine.instructionSet)): products are computed in fp32"
      #expect(choice.warning == expected)
    }
    for choice in try agreed(.fp32, able: [false, true]) { #expect(choice.precision == .fp32 && choice.warning == nil) }
  }
}
