import Host
import Tensors
import TestSupport
import Testing

/// An item's states updated on the way back through its pooling, against their gradients first and an update afterwards.
@Suite struct RowUpdateTests {
  enum Rule: CaseIterable, Sendable {
    case adaGrad, adam
  }

  /// States with their optimizer's state, some updates in.
  private struct Item {
    let states: StoredRows
    let accumulator, m, v, updates: Vector

    init(_ element: NumberFormat, tokens: Int, width: Int) {
      // As long as the process: views of it are passed about.
      let storage = Unmanaged.passRetained(Storage<UInt8>(count: tokens * width * element.size)).takeUnretainedValue()
      states = StoredRows(storage.base, element, rows: tokens, columns: width)
      states.store(RandomValues.floats(tokens * width, seed: 1))
      accumulator = .guarded([Float](repeating: 0.5, count: tokens))
      m = .guarded(RandomValues.floats(tokens * width, seed: 2))
      v = .guarded(RandomValues.floats(tokens * width, seed: 3).map { $0 * $0 })
      updates = .guarded([Float](repeating: 3, count: tokens))
    }

    func update(_ rule: Rule) -> RowUpdate {
      let rounding = StochasticRounding(RandomStream(seed: 7, purpose: .tokenRounding, step: 4), item: 70_000, token: 0)
      switch rule {
      case .adaGrad: return .adaGrad(learningRate: 0.05, epsilon: 1e-8, accumulator: accumulator.base, rounding: rounding)
      case .adam:
        return .adam(
          learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, m: m.base, v: v.base, updates: updates.base,
          rounding: rounding)
      }
    }

    var numbers: [[Float]] { [states.values, accumulator.values, m.values, v.values, updates.values] }
  }

  @Test(arguments: [NumberFormat.fp32, .bf16, .fp16], Rule.allCases)
  func fusedIsOneAfterTheOther(_ element: NumberFormat, _ rule: Rule) {
    let workspace = Workspace(chunkBytes: 1 << 18)
    for (tokens, width, active) in [(1, 1, 1), (3, 7, 2), (16, 384, 2), (6, 150, 3)] {
      let chosen = RowList.kept(Array([4, 1, 5][..<active]))
      let (queries, dPooled) = (GuardedMatrix.random(6, width, seed: 11), GuardedMatrix.random(active, width, seed: 12))
      let gate = GuardedMatrix.random(1, width, seed: 13)
      func backward(_ item: Item, _ gradient: StatesGradient) -> [Float] {
        let (weights, pooled) = (GuardedMatrix.filled(active, tokens), GuardedMatrix.filled(active, width))
        attentionPool(item.states, chosen: chosen, queries: queries, weights: weights, pooled: pooled)
        let dQueries = GuardedMatrix.filled(6, width, with: 0)
        attentionPoolBackward(
          item.states, chosen: chosen, queries: queries, weights: weights, dPooled: dPooled, indices: .kept(Array(0..<active)),
          dQueries: dQueries, start: .init(rows: gate.base, stride: 0, factor: 0.5), dStates: gradient,
          scratch: PoolScratch(tokens: tokens, width: width, active: active, workspace: workspace))
        return dQueries.values
      }
      let (fused, apart) = (Item(element, tokens: tokens, width: width), Item(element, tokens: tokens, width: width))
      let dStates = GuardedMatrix.filled(tokens, width)
      let before = fused.states.values
      #expect(backward(fused, .applied(fused.update(rule))) == backward(apart, .written(dStates)))
      updateRows(apart.update(rule), gradient: dStates.base, values: apart.states)
      #expect(width == 1 || fused.states.values != before)
      // Sums of squares are added up in another order, so a number may round another way.
      for (one, other) in zip(fused.numbers, apart.numbers) {
        #expect(relativeError(one, other) < (element == .fp32 ? 1e-6 : 1e-3))
      }
      #expect(zip(fused.states.values, apart.states.values).filter { abs($0 - $1) > 1e-6 }.count <= tokens * width / 1000)
      #expect(GuardedMatrix.isIntact(dStates))
    }
  }
}
