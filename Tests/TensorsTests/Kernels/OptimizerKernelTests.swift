import Host
import Tensors
import TestSupport
import Testing

@Suite struct OptimizerKernelTests {
  private func stored(_ row: Vector) -> StoredRows { StoredRows(row.base, .fp32, rows: 1, columns: row.count) }

  @Test(arguments: [1, 15, 33, 1001]) func adamWAgainstItsFormula(_ count: Int) {
    let value = Vector.guarded(RandomValues.floats(count, seed: 1))
    let (m, v) = (Vector.guarded(.init(repeating: 0, count: count)), Vector.guarded(.init(repeating: 0, count: count)))
    let decays = (0..<count).map { UInt8($0 % 3 == 0 ? 1 : 0) }
    var (w, first, second) = (
      value.values.map(Double.init), [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
    )
    var (power1, power2) = (1.0, 1.0)
    for step in 1...5 {
      let gradient = Vector.guarded(RandomValues.floats(count, seed: UInt64(10 + step), scale: 3))
      (power1, power2) = (power1 * 0.9, power2 * 0.999)
      for index in 0..<count {
        let g = Double(gradient[index]) * 0.5
        first[index] = 0.9 * first[index] + 0.1 * g
        second[index] = 0.999 * second[index] + 0.001 * g * g
        if decays[index] == 1 { w[index] -= 0.01 * 0.1 * w[index] }
        w[index] -= 0.01 * (first[index] / (1 - power1)) / ((second[index] / (1 - power2)).squareRoot() + 1e-8)
      }
      adamW(
        AdamStep(learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: step), weightDecay: 0.1, gradientFactor: 0.5,
        decays: decays, gradient: gradient, value: value, m: m, v: v)
    }
    #expect(relativeError(value.values, w.map(Float.init)) < 1e-6)
    #expect(relativeError(m.values, first.map(Float.init)) < 1e-6)
    // 1 − 0.999 has five digits in single precision.
    #expect(relativeError(v.values, second.map(Float.init)) < 2e-5)
  }

  @Test(arguments: [1, 5, 64, 385]) func adaGradAgainstItsFormula(_ width: Int) {
    let value = Vector.guarded(RandomValues.floats(width, seed: 2))
    let accumulator = Vector.guarded([0.5])
    var (w, total) = (value.values.map(Double.init), 0.5)
    for step in 1...3 {
      let gradient = Vector.guarded(RandomValues.floats(width, seed: UInt64(20 + step)))
      total += gradient.values.reduce(0) { $0 + Double($1) * Double($1) } / Double(width)
      for c in 0..<width { w[c] -= 0.05 * Double(gradient[c]) / (total.squareRoot() + 1e-3) }
      updateRows(
        .adaGrad(learningRate: 0.05, epsilon: 1e-3, accumulator: accumulator.base, rounding: nil), gradient: gradient.base,
        values: stored(value))
    }
    #expect(relativeError(value.values, w.map(Float.init)) < 1e-6)
    #expect(abs(Double(accumulator[0]) - total) < 1e-6 * total)
  }

  @Test func aZeroGradientLeavesARowUntouched() {
    let value = Vector.guarded([1, 2, 3])
    let accumulator = Vector.guarded([0])
    updateRows(
      .adaGrad(learningRate: 1, epsilon: 0, accumulator: accumulator.base, rounding: nil),
      gradient: Vector.guarded([0, -0.0, 0]).base, values: stored(value))
    #expect(value.values == [1, 2, 3] && accumulator[0] == 0)
  }

  /// Rows of a run have their own moments and counts; the first corrected step is the rate itself, against the gradient's sign.
  @Test(arguments: [1, 5, 65]) func adamOfRowsAgainstItsFormula(_ width: Int) {
    let values = GuardedMatrix.random(3, width, seed: 3)
    let (m, v) = (GuardedMatrix.filled(3, width, with: 0), GuardedMatrix.filled(3, width, with: 0))
    let updates = Vector.guarded([0, 4, 0])
    let gradient = Vector.guarded(RandomValues.floats(3 * width, seed: 4, center: 2))
    let before = values.values
    updateRows(
      .adam(
        learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, m: m.base, v: v.base, updates: updates.base, rounding: nil),
      gradient: gradient.base, values: StoredRows(values))
    // The fifth update of a row whose moments are zero: m / (1 − 0.9⁵) over √(v / (1 − 0.999⁵)).
    let (first, second) = (0.1 / (1 - 0.59049), 0.001 / (1 - 0.995_009_990_004_999))
    let fifth = Float(0.01 * first / second.squareRoot())
    let steps: [Float] = [0.01, fifth, 0.01]
    let expected = before.enumerated().map { $1 - steps[$0 / width] }
    #expect(relativeError(values.values, expected) < 2e-6)
    #expect(relativeError(m.values, gradient.values.map { 0.1 * $0 }) < 1e-6)
    #expect(updates.values == [1, 5, 1])
    #expect([values, m, v].allSatisfy(GuardedMatrix.isIntact))
  }

  @Test func correctionsReachOne() {
    let (value, m, v) = (Vector.guarded([0]), Vector.guarded([1]), Vector.guarded([1]))
    updateRows(
      .adam(
        learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0, m: m.base, v: v.base,
        updates: Vector.guarded([1_000_000]).base, rounding: nil), gradient: Vector.guarded([1]).base, values: stored(value))
    #expect(abs(value[0] + 0.1) < 1e-6)
  }
}
