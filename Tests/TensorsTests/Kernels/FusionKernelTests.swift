import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct FusionKernelTests {
  private let workspace = Workspace(chunkBytes: 1 << 18)

  private func softmax(_ logits: [Double]) -> [Double] {
    let top = logits.max() ?? 0
    let parts = logits.map { exp($0 - top) }
    return parts.map { $0 / parts.reduce(0, +) }
  }

  @Test(arguments: [(0, 5), (1, 1), (3, 7), (16, 384), (5, 33)]) func means(_ tokens: Int, _ width: Int) {
    let states = GuardedMatrix.random(tokens, width, seed: 1)
    let out = Vector.guarded(.init(repeating: .nan, count: width))
    tokenMean(StoredRows(states), into: out)
    let expected = (0..<width).map { c in
      tokens == 0 ? 0 : Float((0..<tokens).reduce(0.0) { $0 + Double(states[$1, c]) } / Double(tokens))
    }
    #expect(relativeError(out.values, expected) < 1e-6)
  }

  private func gate(_ logits: [Float], active: Int) -> (chosen: [Int32], gates: [Float], probabilities: [Float]) {
    let chosen = UnsafeMutableBufferPointer<Int32>.allocate(capacity: active)
    defer { chosen.deallocate() }
    let gates = Vector.guarded(.init(repeating: .nan, count: active))
    let probabilities = Vector.guarded(.init(repeating: .nan, count: logits.count))
    chooseExperts(.guarded(logits), chosen: chosen, gates: gates, probabilities: probabilities)
    return (Array(chosen), gates.values, probabilities.values)
  }

  @Test(arguments: [(1, 1), (2, 1), (8, 2), (8, 8), (17, 5)]) func theGateKeepsTheLargest(_ experts: Int, _ active: Int) {
    for seed in 1...20 as ClosedRange<UInt64> {
      let logits = RandomValues.floats(experts, seed: seed, scale: 3)
      let (chosen, gates, probabilities) = gate(logits, active: active)
      let expected = (0..<experts).sorted { logits[$0] > logits[$1] }.prefix(active)
      #expect(chosen.map(Int.init) == Array(expected))
      #expect(relativeError(gates, softmax(expected.map { Double(logits[$0]) }).map(Float.init)) < 1e-6)
      #expect(relativeError(probabilities, softmax(logits.map(Double.init)).map(Float.init)) < 1e-6)
    }
  }

  @Test func equalLogitsGoToTheLowerExpert() {
    #expect(gate([1, 2, 2, 2], active: 2).chosen == [1, 2])
    #expect(gate([0, 0, 0], active: 2).chosen == [0, 1])
    #expect(gate([0, 0, 0], active: 2).gates == [0.5, 0.5])
  }

  /// The kernels' exponential over its whole range, through the softmax of (0, −x).
  @Test func exponentialsAreExactDownToUnderflow() {
    var worst = 0.0
    for step in 0...8700 {
      let x = Float(step) / 100
      let actual = Double(gate([0, -x], active: 1).probabilities[1])
      let expected = exp(-Double(x)) / (1 + exp(-Double(x)))
      worst = max(worst, abs(actual - expected) / expected)
    }
    print("exponential: worst relative error \(worst)")
    #expect(worst < 4e-7)
    for x in [Float(88), 104, 1e4, 1e30, .greatestFiniteMagnitude, .infinity] {
      #expect(gate([0, -x], active: 1).probabilities == [1, 0])
      #expect(gate([x.isFinite ? x : 0, -x], active: 1).probabilities == [1, 0])
    }
    #expect(gate([.greatestFiniteMagnitude, -.greatestFiniteMagnitude], active: 2).gates == [1, 0])
    #expect(gate([0, .nan], active: 1).probabilities.contains { $0.isNaN })
  }

  @Test(arguments: [(1, 1), (8, 2), (5, 5), (9, 3)]) func gateBackward(_ experts: Int, _ active: Int) {
    let logits = RandomValues.floats(experts, seed: 30, scale: 2)
    let (chosen, gates, probabilities) = gate(logits, active: active)
    let dGates = RandomValues.floats(active, seed: 31)
    let dProbabilities = RandomValues.floats(experts, seed: 32)
    let dLogits = Vector.guarded(.init(repeating: .nan, count: experts))
    chooseExpertsBackward(
      chosen: .kept(chosen.map(Int.init)), gates: .guarded(gates), dGates: .guarded(dGates),
      probabilities: .guarded(probabilities),
      dProbabilities: .guarded(dProbabilities), dLogits: dLogits)
    // The Jacobians of both softmaxes, element by element.
    let expected = (0..<experts).map { expert in
      var sum = 0.0
      for other in 0..<experts {
        let jacobian = Double(probabilities[other]) * ((other == expert ? 1 : 0) - Double(probabilities[expert]))
        sum += Double(dProbabilities[other]) * jacobian
      }
      guard let index = chosen.firstIndex(of: Int32(expert)) else { return Float(sum) }
      for other in 0..<active {
        sum += Double(dGates[other]) * Double(gates[other]) * ((other == index ? 1 : 0) - Double(gates[index]))
      }
      return Float(sum)
    }
    #expect(relativeError(dLogits.values, expected) < 2e-6)
  }

  /// weights `[k, m]`, pooled `[k, dₜ]`, and gradients of states and queries from dPooled, in double precision.
  private func poolTwin(_ states: Matrix, _ chosen: [Int], _ queries: Matrix, _ dPooled: Matrix) -> [[Double]] {
    let (tokens, width) = (states.rows, states.columns)
    let factor = 1 / Double(width).squareRoot()
    func dot(_ x: (Int) -> Float, _ y: (Int) -> Float) -> Double { (0..<width).reduce(0) { $0 + Double(x($1)) * Double(y($1)) } }
    var (weights, pooled) = ([Double](), [Double]())
    var dStates = [Double](repeating: 0, count: tokens * width)
    var dQueries = [Double](repeating: 0, count: queries.count)
    for (index, expert) in chosen.enumerated() {
      let row = softmax((0..<tokens).map { token in factor * dot({ states[token, $0] }, { queries[expert, $0] }) })
      weights += row
      pooled += (0..<width).map { c in (0..<tokens).reduce(0) { $0 + row[$1] * Double(states[$1, c]) } }
      let dWeights = (0..<tokens).map { token in dot({ states[token, $0] }, { dPooled[index, $0] }) }
      let mean = zip(row, dWeights).reduce(0) { $0 + $1.0 * $1.1 }
      for token in 0..<tokens {
        let dScore = row[token] * (dWeights[token] - mean) * factor
        for c in 0..<width {
          dStates[token * width + c] += row[token] * Double(dPooled[index, c]) + dScore * Double(queries[expert, c])
          dQueries[expert * width + c] += dScore * Double(states[token, c])
        }
      }
    }
    return [weights, pooled, dStates, dQueries]
  }

  @Test(arguments: [(1, 1, 1), (3, 7, 2), (16, 384, 2), (5, 33, 4), (7, 100, 3)])
  func poolingAndItsGradients(_ tokens: Int, _ width: Int, _ active: Int) {
    let chosen = Array([4, 1, 5, 0][..<active])
    let states = GuardedMatrix.random(tokens, width, seed: 40)
    let queries = GuardedMatrix.random(6, width, seed: 41)
    let dPooled = GuardedMatrix.random(active, width, seed: 42)
    let expected = poolTwin(states, chosen, queries, dPooled).map { $0.map(Float.init) }
    let (weights, pooled) = (GuardedMatrix.filled(active, tokens), GuardedMatrix.filled(active, width))
    attentionPool(StoredRows(states), chosen: .kept(chosen), queries: queries, weights: weights, pooled: pooled)
    #expect(relativeError(weights.values, expected[0]) < 1e-6 && relativeError(pooled.values, expected[1]) < 1e-6)
    // The states' gradients start from what the gate gives: the same row for every token, or one a token.
    let gate = GuardedMatrix.random(tokens, width, seed: 43)
    let (indices, grouped) = (Array([2, 0, 3, 1][..<active]), GuardedMatrix.filled(4, width))
    for (index, row) in zip(indices, 0..<active) { grouped.row(index).update(from: dPooled.row(row), count: width) }
    let scratch = PoolScratch(tokens: tokens, width: width, active: active, workspace: workspace)
    for (stride, factor) in [(0, 0.25), (width, 1)] as [(Int, Float)] {
      let (dStates, dQueries) = (GuardedMatrix.filled(tokens, width), GuardedMatrix.filled(6, width, with: 2))
      func backward(_ gradient: StatesGradient) {
        dQueries.base.update(repeating: 2, count: dQueries.count)
        attentionPoolBackward(
          StoredRows(states), chosen: .kept(chosen), queries: queries, weights: weights, dPooled: grouped,
          indices: .kept(indices),
          dQueries: dQueries, start: .init(rows: gate.base, stride: stride, factor: factor), dStates: gradient, scratch: scratch)
      }
      backward(.written(dStates))
      let start = (0..<tokens).flatMap { token in (0..<width).map { factor * gate.base[token * stride + $0] } }
      #expect(relativeError(dStates.values, zip(expected[2], start).map { $0 + $1 }) < 2e-6)
      #expect(relativeError(dQueries.values, expected[3].map { $0 + 2 }) < 2e-6)
      #expect([weights, pooled, dStates, dQueries].allSatisfy(GuardedMatrix.isIntact))
      let trained = dQueries.values
      backward(.unwanted)
      #expect(dQueries.values == trained)
    }
  }

  /// Mean, gate and pooling in one are what they are one after the other.
  @Test(arguments: [(1, 1, 1, 1), (3, 7, 5, 2), (16, 384, 8, 2), (5, 33, 9, 4)])
  func fusedIsOneAfterTheOther(_ tokens: Int, _ width: Int, _ experts: Int, _ active: Int) {
    let states = StoredRows(GuardedMatrix.random(tokens, width, seed: 50))
    let (gate, queries) = (GuardedMatrix.random(experts, width, seed: 51), GuardedMatrix.random(experts, width, seed: 52))
    let bias = Vector.guarded(RandomValues.floats(experts, seed: 53))
    func empty(_ count: Int) -> Vector { .guarded(.init(repeating: .nan, count: count)) }
    let chosen = UnsafeMutableBufferPointer<Int32>.allocate(capacity: active)
    defer { chosen.deallocate() }
    let (mean, logits, gates, probabilities) = (empty(width), empty(experts), empty(active), empty(experts))
    let (weights, pooled) = (GuardedMatrix.filled(active, tokens), GuardedMatrix.filled(active, width))
    fuse(
      states, gate: gate, bias: bias, queries: queries,
      into: FusedItem(
        chosen: chosen, gates: gates, probabilities: probabilities, logits: logits, weights: weights, pooled: pooled, mean: mean))
    let (expectedMean, expectedPooled) = (empty(width), GuardedMatrix.filled(active, width))
    tokenMean(states, into: expectedMean)
    #expect(mean.values == expectedMean.values)
    let dots = (0..<experts).map { expert in
      (0..<width).reduce(Double(bias[expert])) { $0 + Double(mean[$1]) * Double(gate[expert, $1]) }
    }
    #expect(relativeError(logits.values, dots.map(Float.init)) < 1e-6)
    let choice = self.gate(logits.values, active: active)
    #expect(Array(chosen) == choice.chosen && relativeError(gates.values, choice.gates) < 1e-6)
    #expect(relativeError(probabilities.values, choice.probabilities) < 1e-6)
    let expectedWeights = GuardedMatrix.filled(active, tokens)
    attentionPool(states, chosen: RowList(chosen), queries: queries, weights: expectedWeights, pooled: expectedPooled)
    #expect(weights.values == expectedWeights.values && pooled.values == expectedPooled.values)
    #expect([weights, pooled].allSatisfy(GuardedMatrix.isIntact))
  }

  @Test func poolingNothingGivesZeros() {
    let pooled = GuardedMatrix.filled(2, 5)
    attentionPool(
      StoredRows(GuardedMatrix.filled(0, 5)), chosen: .kept([0, 1]), queries: GuardedMatrix.random(3, 5, seed: 1),
      weights: GuardedMatrix.filled(2, 0), pooled: pooled)
    #expect(pooled.values.allSatisfy { $0 == 0 })
  }
}
