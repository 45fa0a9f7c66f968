import Collectives
import Items
import Tensors
import TestSupport
import Testing

@Suite struct TokenTableTests {
  private let shape = FusionShape(
    idWidth: 4, semanticWidth: 3, tokenWidth: 5, tokens: 3, experts: 4, active: 2, gateInput: .mean)
  private let workspace = Workspace(chunkBytes: 1 << 18)

  @Test func bfloat16TakesHalfTheMemory() {
    let (whole, half) = (TokenTable(counts: [2, 0, 3], width: 4), TokenTable(counts: [2, 0, 3], width: 4, element: .bf16))
    #expect(whole.states.bytes.count == 80 && half.states.bytes.count == 40)
    #expect(half.states.floats == nil && half.states.values.allSatisfy { $0 == 0 })
    half.states(of: 2).store([Float](repeating: 1.5, count: 12))
    #expect(half.states.values == [Float](repeating: 0, count: 8) + [Float](repeating: 1.5, count: 12))
    #expect(half.states(of: 1).rows == 0 && half.tokens(of: 2) == 2..<5)
  }

  /// Trains rows 3 and 7 of a table for five steps; hands over its states after each.
  private func train(
    _ element: StoredRows.Element, rule: RowOptimizer.Rule = .adaGrad(epsilon: 1e-8), seed: UInt64 = 1, rank: Int = 0,
    ranks: Int = 1
  ) throws -> [[Float]] {
    let plan = ItemTable.Plan(
      shape: shape, items: 10, tokenCount: { _ in 3 }, rule: rule, seed: 1, tokenElement: element)
    let arena = ParameterArena(EmbeddingFusion.specs(shape), seed: 1)
    return try withExtendedLifetime(arena) {
      let table = ItemTable(plan, arena: arena, communicator: SoloCommunicator())
      table.tokens.states.store(RandomValues.floats(table.tokens.states.count, seed: 9))
      return try (0..<5).map { step in
        let e = GuardedMatrix.filled(2, 7)
        let saved = try table.embed(.kept([3, 7]), into: e, workspace: workspace)
        try table.update(
          saved, dE: GuardedMatrix.random(2, 7, seed: UInt64(step)), balance: 0, learningRates: .init(id: nil, token: 0.003),
          rounding: RandomStream(seed: seed, purpose: .tokenRounding, step: UInt32(step)), workspace: workspace)
        return table.tokens.states.values
      }
    }
  }

  @Test(arguments: [RowOptimizer.Rule.adaGrad(epsilon: 1e-8), .lazyAdam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)])
  func trainedStatesFollowThoseOfFloat32(_ rule: RowOptimizer.Rule) throws {
    let (half, whole) = (try train(.bf16, rule: rule), try train(.fp32, rule: rule))
    for (states, expected) in zip(half, whole) { #expect(relativeError(states, expected) < 0x1p-7) }
    #expect(half[4] != half[0])
    #expect(try train(.bf16, rule: rule) == half, "the same step rounds the same")
    #expect(try train(.bf16, rule: rule, seed: 2) != half, "another seed rounds otherwise")
    #expect(zip(half[4], half[0]).enumerated().allSatisfy { [3, 7].contains($0 / 15) || $1.0 == $1.1 }, "others stay")
  }
}
