import Tensors
import TestSupport
import Testing

@Suite struct LayerNormKernelTests {
  private let epsilon = 1e-5

  /// Mean and 1 / deviation of a row.
  private func moments(_ x: Matrix, _ row: Int) -> (mean: Double, inverse: Double) {
    let values = (0..<x.columns).map { Double(x[row, $0]) }
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (mean, 1 / (variance + epsilon).squareRoot())
  }

  @Test(arguments: [(1, 1), (3, 2), (7, 5), (4, 64), (5, 129), (2, 771)], [Float(0), 100])
  func forwardAndBackward(_ extents: (rows: Int, columns: Int), _ center: Float) {
    let (rows, columns) = extents
    let x = GuardedMatrix.make(
      RandomValues.floats(rows * columns, seed: 1, center: center), rows: rows, columns: columns)
    let scale = Vector.guarded(RandomValues.floats(columns, seed: 2, center: 1))
    let bias = Vector.guarded(RandomValues.floats(columns, seed: 3))
    let y = GuardedMatrix.filled(rows, columns)
    let (mean, inverse) = (
      Vector.guarded(.init(repeating: .nan, count: rows)), Vector.guarded(.init(repeating: .nan, count: rows))
    )
    layerNorm(x, scale: scale, bias: bias, epsilon: Float(epsilon), into: StoredRows(y), mean: mean, inverseDeviation: inverse)
    let dY = GuardedMatrix.random(rows, columns, seed: 4)
    let dX = GuardedMatrix.random(rows, columns, seed: 5)
    let (dScale, dBias) = (
      Vector.guarded(RandomValues.floats(columns, seed: 6)), Vector.guarded(RandomValues.floats(columns, seed: 7))
    )
    var (expectedY, expectedDX) = ([Float](), [Float]())
    var (expectedScale, expectedBias) = (dScale.values.map(Double.init), dBias.values.map(Double.init))
    for row in 0..<rows {
      let (mu, over) = moments(x, row)
      let normed = (0..<columns).map { (Double(x[row, $0]) - mu) * over }
      let g = (0..<columns).map { Double(dY[row, $0]) * Double(scale[$0]) }
      let meanG = g.reduce(0, +) / Double(columns)
      let meanDot = zip(g, normed).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
      for column in 0..<columns {
        expectedY.append(Float(normed[column] * Double(scale[column]) + Double(bias[column])))
        expectedDX.append(Float(Double(dX[row, column]) + over * (g[column] - meanG - normed[column] * meanDot)))
        expectedScale[column] += Double(dY[row, column]) * normed[column]
        expectedBias[column] += Double(dY[row, column])
      }
    }
    layerNormBackward(x, scale: scale, mean: mean, inverseDeviation: inverse, dY: dY, dX: dX, dScale: dScale, dBias: dBias)
    let tolerance = center == 0 ? 2e-6 : 2e-4  // 100 + x has two digits fewer to tell values apart
    #expect(relativeError(y.values, expectedY) < tolerance)
    // Of two columns the gradient is what is left of two nearly equal numbers.
    #expect(relativeError(dX.values, expectedDX) < (columns == 2 ? 10 : 1) * tolerance)
    #expect(relativeError(dScale.values, expectedScale.map(Float.init)) < tolerance)
    #expect(relativeError(dBias.values, expectedBias.map(Float.init)) < tolerance)
    #expect([y, dX].allSatisfy(GuardedMatrix.isIntact))
  }

  @Test func aConstantRowBecomesTheBias() {
    let x = GuardedMatrix.filled(2, 33, with: 7)
    let bias = Vector.guarded(RandomValues.floats(33, seed: 8))
    let y = GuardedMatrix.filled(2, 33)
    layerNorm(
      x, scale: .guarded(.init(repeating: 1, count: 33)), bias: bias, epsilon: 1e-5, into: StoredRows(y), mean: .guarded([0, 0]),
      inverseDeviation: .guarded([0, 0]))
    #expect(y.values == bias.values + bias.values)
  }
}
