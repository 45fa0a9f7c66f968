import Collectives
import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct ItemTableTests {
  private static let shape = FusionShape(
    idWidth: 4, semanticWidth: 3, tokenWidth: 5, tokens: 3, experts: 4, active: 2, gateInput: .mean)
  private let workspace = Workspace(chunkBytes: 1 << 18)

  private func plan(_ items: Int, shape: FusionShape = shape, seed: UInt64 = 1, rule: RowOptimizer.Rule? = nil) -> ItemTable.Plan
  {
    .init(shape: shape, items: items, tokenCount: { ($0 * 5 + 3) % 5 }, rule: rule ?? .adaGrad(epsilon: 1e-8), seed: seed)
  }

  private func kept<Owner: AnyObject>(_ owner: Owner) -> Owner { Unmanaged.passRetained(owner).takeUnretainedValue() }

  /// A table and the arena that its fusion reads; both live as long as the process, so that views of them may too.
  private func table(_ plan: ItemTable.Plan, _ communicator: any Communicator = SoloCommunicator()) -> (ItemTable, ParameterArena)
  {
    let arena = kept(ParameterArena(EmbeddingFusion.specs(plan.shape), seed: 1))
    return (kept(ItemTable(plan, arena: arena, communicator: communicator)), arena)
  }

  @Test(arguments: [0, 1, 2, 3, 20]) func rowsDoNotDependOnThePartition(_ items: Int) {
    let whole = table(plan(items)).0
    #expect(whole.ids.rows == items)
    var seen = 0
    for rank in 0..<3 {
      let part = table(plan(items), FakeCommunicator(rank: rank, size: 3)).0
      #expect(part.ids.rows == part.partition.count(ownedBy: rank))
      for row in 0..<part.ids.rows {
        let item = part.item(ofLocalRow: row)
        #expect(item % 3 == rank)
        #expect(part.ids.rows(row..<row + 1).values == whole.ids.rows(item..<item + 1).values)
        #expect(part.tokens.tokens(of: row).count == whole.tokens.tokens(of: item).count)
        seen += 1
      }
    }
    #expect(seen == items)
  }

  @Test func rowsAreNormalAndBelongToSeedAndRow() {
    let values = table(plan(500)).0.ids.values
    #expect(abs(norm(values) / 2000.0.squareRoot() - 0.02) < 0.0016)  // five standard errors
    #expect(Set(values).count > 1990)
    #expect(table(plan(500)).0.ids.values == values)
    #expect(table(plan(500, seed: 2)).0.ids.values != values)
    #expect(table(plan(700)).0.ids.rows(0..<500).values == values, "a catalogue may grow")
  }

  @Test func tokensAreCutToTheModels() {
    let tokens = table(plan(10)).0.tokens
    #expect((0..<10).map { tokens.tokens(of: $0).count } == [3, 3, 3, 3, 3, 3, 3, 3, 3, 3])
    let counted = ItemTable.Plan(shape: Self.shape, items: 4, tokenCount: { $0 * 2 }, rule: .adaGrad(epsilon: 0), seed: 1)
    let uneven = table(counted).0.tokens
    #expect((0..<4).map(uneven.tokens(of:)) == [0..<0, 0..<2, 2..<5, 5..<8])
    #expect(uneven.tokenCount == 8 && uneven.states(of: 2).shape == "[3, 5]")
  }

  /// Embeds rows as a step does.
  private func embed(_ table: ItemTable, _ wanted: [Int], into e: Matrix) throws -> ItemTable.Saved {
    let route = kept(table.exchange.makeRoute())
    try table.exchange.start(route, wanted: .kept(wanted))
    try table.exchange.finish(route)
    return try table.embed(route, into: e, workspace: workspace)
  }

  /// Everything that a step may change, row by row.
  private func contents(_ table: ItemTable, _ row: Int) -> [Float] {
    let states = table.tokens.tokens(of: row)
    let tokenState = table.tokenOptimizer?.states.flatMap { $0.values.rows(states).values } ?? []
    return table.ids.rows(row..<row + 1).values + table.idOptimizer.states.flatMap { $0.values.rows(row..<row + 1).values }
      + table.tokens.states(of: row).values + tokenState
  }

  private func filled(_ items: Int, rule: RowOptimizer.Rule? = nil) -> ItemTable {
    let table = table(plan(items, rule: rule)).0
    let states = table.tokens.states
    states.store(RandomValues.floats(states.count, seed: 9))
    _ = table.tokenOptimizerState()
    return table
  }

  @Test(arguments: [nil, RowOptimizer.Rule.lazyAdam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)])
  func anUpdateTouchesOnlyWantedRows(_ rule: RowOptimizer.Rule?) throws {
    let table = filled(20, rule: rule)
    let wanted = [3, 7, 8, 15]
    let e = GuardedMatrix.filled(4, 7)
    let saved = try embed(table, wanted, into: e)
    #expect(e.columns(0..<4).values == wanted.flatMap { table.ids.rows($0..<$0 + 1).values })
    let before = (0..<20).map { contents(table, $0) }
    let dE = GuardedMatrix.random(4, 7, seed: 3)
    try table.update(
      saved, dE: dE, routing: saved.routing, balance: 0.01, learningRates: .init(id: 0.05, token: 0.01), workspace: workspace)
    for row in 0..<20 {
      let after = contents(table, row)
      guard wanted.contains(row) else {
        #expect(after == before[row], "row \(row) was not wanted")
        continue
      }
      #expect(zip(after, before[row]).filter { $0 != $1 }.count > after.count * 3 / 4, "row \(row) was wanted")
    }
    #expect(GuardedMatrix.isIntact(e) && GuardedMatrix.isIntact(dE))
  }

  @Test func anIdRowMovesByAdaGrad() throws {
    let table = filled(20)
    let before = table.ids.values
    let e = GuardedMatrix.filled(2, 7)
    let dE = GuardedMatrix.random(2, 7, seed: 4)
    let saved = try embed(table, [5, 6], into: e)
    try table.update(
      saved, dE: dE, routing: saved.routing, balance: 0, learningRates: .init(id: 0.05, token: nil), workspace: workspace)
    for (line, row) in [5, 6].enumerated() {
      let gradient = (0..<4).map { Double(dE[line, $0]) }
      let accumulator = gradient.reduce(0) { $0 + $1 * $1 } / 4
      #expect(abs(Double(table.idOptimizer.states[0].values[row, 0]) - accumulator) < 1e-6)
      for c in 0..<4 {
        let expected = Double(before[row * 4 + c]) - 0.05 * gradient[c] / accumulator.squareRoot()
        #expect(abs(Double(table.ids[row, c]) - expected) < 1e-6)
      }
    }
  }

  @Test func frozenTokensStayAndCostNoState() throws {
    let (table, arena) = table(plan(20))
    table.tokens.states.store([Float](repeating: 0.5, count: table.tokens.states.count))
    let e = GuardedMatrix.filled(3, 7)
    let saved = try embed(table, [1, 2, 3], into: e)
    try table.update(
      saved, dE: GuardedMatrix.random(3, 7, seed: 5), routing: saved.routing, balance: 0.01,
      learningRates: .init(id: 0.05, token: nil),
      workspace: workspace)
    #expect(table.tokens.states.values.allSatisfy { $0 == 0.5 })
    #expect(table.tokenOptimizer == nil)
    #expect(arena["fusion.expert.weight"].gradient.values.contains { $0 != 0 }, "the fusion learns all the same")
  }

  @Test func frozenIdRowsStay() throws {
    let table = filled(20)
    let before = (0..<20).map { contents(table, $0) }
    let e = GuardedMatrix.filled(3, 7)
    let saved = try embed(table, [1, 2, 3], into: e)
    let dE = GuardedMatrix.random(3, 7, seed: 5)
    try table.update(
      saved, dE: dE, routing: saved.routing, balance: 0.01, learningRates: .init(id: nil, token: nil), workspace: workspace)
    #expect((0..<20).allSatisfy { contents(table, $0) == before[$0] })
  }

  @Test func halvesMayBeMissing() throws {
    func shape(id: Int, semantic: Int) -> FusionShape {
      FusionShape(
        idWidth: id, semanticWidth: semantic, tokenWidth: 5, tokens: 3, experts: 2, active: 1, gateInput: .mean)
    }
    for (id, semantic) in [(4, 0), (0, 3)] {
      let table = table(plan(6, shape: shape(id: id, semantic: semantic))).0
      table.tokens.states.store([Float](repeating: 0.5, count: table.tokens.states.count))
      let e = GuardedMatrix.filled(2, id + semantic)
      let saved = try embed(table, [1, 4], into: e)
      #expect((saved.routing == nil) == (semantic == 0))
      #expect(e.values.allSatisfy { $0.isFinite && $0 != 0 })
      let dE = GuardedMatrix.random(2, id + semantic, seed: 6)
      try table.update(
        saved, dE: dE, routing: saved.routing, balance: 0, learningRates: .init(id: 0.1, token: 0.1), workspace: workspace)
      #expect(table.tokens.tokenCount == (semantic == 0 ? 0 : 18))
    }
  }

  @Test func anotherPhaseTakesTheRowsOver() throws {
    let first = filled(10)
    let e = GuardedMatrix.filled(2, 7)
    let saved = try embed(first, [1, 4], into: e)
    let dE = GuardedMatrix.random(2, 7, seed: 7)
    try first.update(
      saved, dE: dE, routing: saved.routing, balance: 0, learningRates: .init(id: 0.1, token: 0.1), workspace: workspace)
    let arena = kept(ParameterArena(EmbeddingFusion.specs(Self.shape), seed: 2))
    let second = ItemTable(first, arena: arena)
    #expect((0..<10).allSatisfy { contents(second, $0) == contents(first, $0) })
    #expect(second.ids.base == first.ids.base)
  }
}
