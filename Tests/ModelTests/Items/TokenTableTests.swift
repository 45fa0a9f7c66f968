import Collectives
import Host
import Model
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite struct TokenTableTests {
  private let shape = FusionShape(
    idWidth: 4, semanticWidth: 3, tokenWidth: 5, tokens: 3, experts: 4, active: 2, gateInput: .mean)

  @Test(arguments: [NumberFormat.bf16, .fp16]) func sixteenBitsTakeHalfTheMemory(_ element: NumberFormat) {
    let (whole, half) = (TokenTable(counts: [2, 0, 3], width: 4), TokenTable(counts: [2, 0, 3], width: 4, element: element))
    #expect(whole.states.bytes.count == 80 && half.states.bytes.count == 40)
    #expect(half.states.floats == nil && half.states.values.allSatisfy { $0 == 0 })
    half.states(of: 2).store([Float](repeating: 1.5, count: 12))
    #expect(half.states.values == [Float](repeating: 0, count: 8) + [Float](repeating: 1.5, count: 12))
    #expect(half.states(of: 1).rows == 0 && half.tokens(of: 2) == 2..<5)
  }

  /// Trains rows 3, 5 and 7 for five steps on some ranks, the last of which wants them; the states after each step, in the
  /// order of the catalogue.
  private func train(
    _ element: NumberFormat, rule: RowOptimizer.Rule = .adaGrad(epsilon: 1e-8), seed: UInt64 = 1, ranks: Int = 1
  ) throws -> [[Float]] {
    let plan = ItemTable.Plan(shape: shape, items: 10, tokenCount: { _ in 3 }, rule: rule, seed: 1, tokenElement: element)
    nonisolated(unsafe) let unsafePlan = plan
    let found = Mutex([[Float]](repeating: .init(repeating: .nan, count: 150), count: 5))
    try RankThreads.run(ranks: ranks) { communicator in
      let (workspace, arena) = (Workspace(chunkBytes: 1 << 18), ParameterArena(EmbeddingFusion.specs(unsafePlan.shape), seed: 1))
      let table = ItemTable(unsafePlan, arena: arena, communicator: communicator)
      let wanted: [Int] = communicator.rank == ranks - 1 ? [3, 5, 7] : []
      for row in 0..<table.ids.rows {
        table.tokens.states(of: row).store(RandomValues.floats(15, seed: UInt64(table.item(ofLocalRow: row))))
      }
      let route = table.exchange.makeRoute()
      for step in 0..<5 {
        let rows = UniqueRows(of: table.partition)
        rows.collect(.kept(wanted))
        try table.exchange.start(route, wanted: rows.rows)
        try table.exchange.finish(route)
        let e = GuardedMatrix.filled(wanted.count, 7)
        let saved = try table.embed(route, into: e, workspace: workspace)
        // A row's gradient follows it, in whatever order the route has the rows.
        let dE = rows.rows.flatMap { RandomValues.floats(7, seed: UInt64(100 * step) + UInt64($0)) }
        try table.update(
          saved, dE: GuardedMatrix.make(dE, rows: wanted.count, columns: 7), routing: saved.routing, balance: 0,
          learningRates: .init(id: nil, token: 0.003),
          rounding: RandomStream(seed: seed, purpose: .tokenRounding, step: UInt32(step)), workspace: workspace)
        for row in 0..<table.ids.rows {
          let item = table.item(ofLocalRow: row)
          found.withLock { $0[step].replaceSubrange((15 * item)..<(15 * item + 15), with: table.tokens.states(of: row).values) }
        }
      }
      withExtendedLifetime(arena) {}
    }
    return found.withLock { $0 }
  }

  @Test(
    arguments: [NumberFormat.bf16, .fp16],
    [RowOptimizer.Rule.adaGrad(epsilon: 1e-8), .lazyAdam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)])
  func trainedStatesFollowThoseOfFloat32(_ element: NumberFormat, _ rule: RowOptimizer.Rule) throws {
    let (half, whole) = (try train(element, rule: rule), try train(.fp32, rule: rule))
    for (states, expected) in zip(half, whole) {
      #expect(relativeError(states, expected) < (element == .bf16 ? 0x1p-7 : 0x1p-10))
    }
    #expect(half[4] != half[0])
    #expect(try train(element, rule: rule) == half, "the same step rounds the same")
    #expect(try train(element, rule: rule, seed: 2) != half, "another seed rounds otherwise")
    #expect(zip(half[4], half[0]).enumerated().allSatisfy { [3, 5, 7].contains($0 / 15) || $1.0 == $1.1 }, "others stay")
  }

  @Test(arguments: [2, 3], [NumberFormat.bf16, .fp16]) func ranksRoundAlike(_ ranks: Int, _ element: NumberFormat)
    throws
  {
    #expect(try train(element, ranks: ranks) == train(element))
  }
}
