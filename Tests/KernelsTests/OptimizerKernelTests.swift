import Kernels
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
      adaGradRow(
        gradient: gradient, value: stored(value), rounding: nil, accumulator: accumulator.base, learningRate: 0.05, epsilon: 1e-3)
    }
    #expect(relativeError(value.values, w.map(Float.init)) < 1e-6)
    #expect(abs(Double(accumulator[0]) - total) < 1e-6 * total)
  }

  @Test func aZeroGradientLeavesARowUntouched() {
    let value = Vector.guarded([1, 2, 3])
    let accumulator = Vector.guarded([0])
    adaGradRow(
      gradient: .guarded([0, -0.0, 0]), value: stored(value), rounding: nil, accumulator: accumulator.base, learningRate: 1,
      epsilon: 0)
    #expect(value.values == [1, 2, 3] && accumulator[0] == 0)
  }

  @Test(arguments: [1, 5, 65]) func adamOfARowAgainstItsFormula(_ width: Int) {
    let value = Vector.guarded(RandomValues.floats(width, seed: 3))
    let (m, v) = (Vector.guarded(.init(repeating: 0, count: width)), Vector.guarded(.init(repeating: 0, count: width)))
    let gradient = Vector.guarded(RandomValues.floats(width, seed: 4, center: 2))
    let before = value.values
    adamRow(
      AdamStep(learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 1), gradient: gradient, value: stored(value),
      rounding: nil, m: m, v: v)
    // The first corrected step is the learning rate itself, against the gradient's sign.
    #expect(relativeError(value.values, before.map { $0 - 0.01 }) < 1e-6)
    #expect(relativeError(m.values, gradient.values.map { 0.1 * $0 }) < 1e-6)
  }

  @Test func correctionsReachOne() {
    let value = Vector.guarded([0])
    let (m, v) = (Vector.guarded([1]), Vector.guarded([1]))
    let step = AdamStep(learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0, step: 1_000_000)
    adamRow(step, gradient: .guarded([1]), value: stored(value), rounding: nil, m: m, v: v)
    #expect(abs(value[0] + 0.1) < 1e-6)
  }
}
