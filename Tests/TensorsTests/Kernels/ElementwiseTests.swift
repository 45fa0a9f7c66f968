import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct ElementwiseTests {
  @Test(arguments: [(1, 1, 0), (5, 7, 0), (5, 7, 3), (3, 131, 1)])
  func adding(_ rows: Int, _ columns: Int, _ gap: Int) {
    let x = GuardedMatrix.random(rows, columns, seed: 1, gap: gap)
    let y = GuardedMatrix.random(rows, columns, seed: 2)
    let expected = zip(x.values, y.values).map { $0 + $1 }
    add(x, to: y)
    #expect(y.values == expected && GuardedMatrix.isIntact(y))
  }

  @Test func scaling() {
    for count in [0, 1, 15, 33, 1001] {
      let x = Vector.guarded(RandomValues.floats(count, seed: 3))
      let expected = x.values.map { $0 * -1.5 }
      scale(x, by: -1.5)
      #expect(x.values == expected)
    }
  }

  @Test func sumsOfSquares() {
    for count in [0, 1, 17, 4095, 4096, 4097, 50_001] {
      let x = Vector.guarded(RandomValues.floats(count, seed: 4, center: 0.5))
      let expected = x.values.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs(sumOfSquares(x) - expected) <= 1e-6 * expected)
    }
    #expect(sumOfSquares(Vector.guarded([1, .nan])).isNaN)
  }

  @Test func oneBadNumberIsSeenAnywhere() {
    for count in [1, 15, 4095, 4096, 4097, 9001] {
      let x = Vector.guarded(RandomValues.floats(count, seed: 5))
      x[count / 3] = .greatestFiniteMagnitude
      x[0] = -.leastNonzeroMagnitude
      #expect(isWithin(.greatestFiniteMagnitude, x))
      for position in Set([0, count / 2, count - 1, min(4096, count - 1)]) {
        for bad in [Float.nan, .infinity, -.infinity, -.nan, .signalingNaN] {
          let kept = x[position]
          x[position] = bad
          #expect(!isWithin(.greatestFiniteMagnitude, x), "\(bad) at \(position) of \(count)")
          x[position] = kept
        }
      }
    }
    #expect(isWithin(1, Vector.guarded([])))
  }

  @Test(arguments: [1, 7, 255, 256, 257, 515]) func biasesAndTheirGradient(_ columns: Int) {
    let y = GuardedMatrix.random(9, columns, seed: 6)
    let bias = Vector.guarded(RandomValues.floats(columns, seed: 7))
    let expected = y.values.enumerated().map { $1 + bias[$0 % columns] }
    addBias(bias, to: y)
    #expect(y.values == expected)
    let gradient = Vector.guarded(RandomValues.floats(columns, seed: 8))
    let sums = (0..<columns).map { c in Float((0..<9).reduce(Double(gradient[c])) { $0 + Double(y[$1, c]) }) }
    addColumnSums(y, to: gradient)
    #expect(relativeError(gradient.values, sums) < 1e-6)
  }

  private func gelu(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }
  private func slope(_ x: Double) -> Double {
    0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
  }

  @Test func geluIsTheExactForm() {
    let points = (-12_000...12_000).map { Float($0) / 1000 } + [-100, 100, -0.0, 1e-30, -1e-30]
    let before = GuardedMatrix.make(points, rows: 1, columns: points.count)
    let after = GuardedMatrix.filled(1, points.count)
    addBiasAndGelu(
      .guarded([Float](repeating: 0, count: points.count)), to: before, before: StoredRows(before), after: StoredRows(after))
    #expect(before.values == points)
    let dBefore = GuardedMatrix.filled(1, points.count)
    let again = GuardedMatrix.filled(1, points.count)
    geluBackward(
      before: StoredRows(before), dAfter: GuardedMatrix.filled(1, points.count, with: 1), after: StoredRows(again),
      dBefore: StoredRows(dBefore))
    #expect(again.values.map(\.bitPattern) == after.values.map(\.bitPattern))
    var worst = (value: 0.0, slope: 0.0)
    for (index, point) in points.enumerated() {
      worst.value = max(worst.value, abs(Double(after[0, index]) - gelu(Double(point))))
      worst.slope = max(worst.slope, abs(Double(dBefore[0, index]) - slope(Double(point))))
    }
    print("gelu: worst error \(worst.value), derivative \(worst.slope)")
    #expect(worst.value < 1e-6 && worst.slope < 1e-6)
  }

  @Test func geluKeepsWhatBackwardNeeds() {
    let x = GuardedMatrix.random(5, 13, seed: 9, scale: 3)
    let bias = Vector.guarded(RandomValues.floats(13, seed: 10))
    let sums = x.values.enumerated().map { $1 + bias[$0 % 13] }
    let after = GuardedMatrix.filled(5, 13)
    addBiasAndGelu(bias, to: x, before: StoredRows(x), after: StoredRows(after))
    #expect(x.values == sums)
    #expect(relativeError(after.values, sums.map { Float(gelu(Double($0))) }) < 1e-6)
    let dAfter = GuardedMatrix.random(5, 13, seed: 11)
    let expected = zip(dAfter.values, sums).map { Float(Double($0) * slope(Double($1))) }
    geluBackward(before: StoredRows(x), dAfter: dAfter, after: StoredRows(after), dBefore: StoredRows(dAfter))
    #expect(relativeError(dAfter.values, expected) < 1e-6)
    #expect(GuardedMatrix.isIntact(dAfter) && GuardedMatrix.isIntact(after))
  }

  @Test func geluOfNotANumberIsNotANumber() {
    let after = GuardedMatrix.filled(1, 1, with: 0)
    let before = GuardedMatrix.filled(1, 1)
    addBiasAndGelu(.guarded([0]), to: before, before: StoredRows(before), after: StoredRows(after))
    #expect(after[0, 0].isNaN)
  }
}
