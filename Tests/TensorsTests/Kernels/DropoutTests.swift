import Tensors
import TestSupport
import Testing

@Suite struct DropoutTests {
  private let keys: UnsafePointer<UInt64>
  private let rows = 37

  init() {
    let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: 300)
    for row in 0..<300 { keys[row] = UInt64(row) * 0x0000_1234_5678 + 9 }
    self.keys = UnsafePointer(keys)
  }

  private func mask(_ rate: Float, position: Int = 2, step: UInt32 = 7, seed: UInt64 = 5, from row: Int = 0) -> DropoutMask {
    DropoutMask(stream: RandomStream(seed: seed, dropoutSite: position, step: step), rowKeys: keys + row, rate: rate)
  }

  /// The factor of every element: what ones become when nothing was there.
  private func factors(_ mask: DropoutMask, rows: Int, columns: Int) -> [Float] {
    let z = GuardedMatrix.filled(rows, columns, with: 0)
    mask.add(GuardedMatrix.filled(rows, columns, with: 1), to: z, into: z)
    #expect(GuardedMatrix.isIntact(z))
    return z.values
  }

  @Test func withoutARateItIsAddition() {
    for columns in [1, 127, 128, 129, 300] {
      let (x, z) = (GuardedMatrix.random(5, columns, seed: 1), GuardedMatrix.random(5, columns, seed: 2))
      let bias = Vector.guarded(RandomValues.floats(columns, seed: 3))
      let sums = zip(x.values, z.values).map { $0 + $1 }
      mask(0).add(x, to: z, into: z)
      #expect(z.values == sums)
      let withBias = z.values.enumerated().map { $1 + (x.values[$0] + bias[$0 % columns]) }
      mask(0).add(x, bias: bias, to: z, into: z)
      #expect(z.values == withBias)
      let dX = GuardedMatrix.filled(5, columns)
      mask(0).backward(x, into: StoredRows(dX))
      #expect(dX.values == x.values)
    }
  }

  @Test(arguments: [Float(0.1), 0.2, 0.5, 0.9]) func meanAndRateAreKept(_ rate: Float) {
    let all = factors(mask(rate), rows: 300, columns: 131)
    let keep = 1 / (1 - rate)
    #expect(all.allSatisfy { $0 == 0 || $0 == keep })
    let count = Double(all.count)
    let dropped = Double(all.count { $0 == 0 }) / count
    let deviation = (Double(rate) * Double(1 - rate) / count).squareRoot()
    #expect(abs(dropped - Double(rate)) < 5 * deviation + 1.0 / 65536)
    #expect(abs(all.reduce(0) { $0 + Double($1) } / count - 1) < 5 * deviation / Double(1 - rate) + 1e-4)
    // No column and no row is favored: each column's share is a sum of 300 draws.
    for column in 0..<131 {
      let share = Double((0..<300).count { all[$0 * 131 + column] == 0 }) / 300
      #expect(abs(share - Double(rate)) < 5.5 * (Double(rate) * Double(1 - rate) / 300).squareRoot())
    }
  }

  @Test func backwardUsesTheSameMask() {
    for columns in [1, 9, 128, 200, 257] {
      let expected = factors(mask(0.3), rows: rows, columns: columns)
      let dZ = GuardedMatrix.random(rows, columns, seed: 4)
      let dX = GuardedMatrix.filled(rows, columns)
      mask(0.3).backward(dZ, into: StoredRows(dX))
      #expect(dX.values == zip(expected, dZ.values).map { $0 * $1 })
      #expect(GuardedMatrix.isIntact(dX))
    }
  }

  @Test func maskedSumsOfXAndBias() {
    let (x, z) = (GuardedMatrix.random(rows, 150, seed: 5), GuardedMatrix.random(rows, 150, seed: 6))
    let bias = Vector.guarded(RandomValues.floats(150, seed: 7))
    let factors = factors(mask(0.4), rows: rows, columns: 150)
    let expected = z.values.enumerated().map { index, value in value + factors[index] * (x.values[index] + bias[index % 150]) }
    mask(0.4).add(x, bias: bias, to: z, into: z)
    #expect(relativeError(z.values, expected) < 1e-6)
  }

  @Test func splittingTheRowsChangesNothing() {
    let whole = factors(mask(0.3), rows: rows, columns: 140)
    for cut in [1, 16, 36] {
      let first = factors(mask(0.3), rows: cut, columns: 140)
      let second = factors(mask(0.3, from: cut), rows: rows - cut, columns: 140)
      #expect(first + second == whole)
    }
  }

  @Test func everyColumnHasItsOwnDraw() {
    let wide = factors(mask(0.5), rows: 3, columns: 600)
    let narrow = factors(mask(0.5), rows: 3, columns: 140)
    for row in 0..<3 {
      let columns = Array(wide[(600 * row)..<(600 * row + 600)])
      #expect(Array(columns[..<140]) == Array(narrow[(140 * row)..<(140 * row + 140)]), "a mask does not depend on the width")
      for shift in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let different = (0..<(600 - shift)).count { columns[$0] != columns[$0 + shift] }
        #expect(different > (600 - shift) / 3, "columns \(shift) apart draw alike")  // half expected, six deviations at worst
      }
    }
  }

  @Test func everyPartOfTheKeyGivesAnotherMask() {
    let base = factors(mask(0.5), rows: 4, columns: 64)
    let others = [
      factors(mask(0.5, position: 3), rows: 4, columns: 64), factors(mask(0.5, step: 8), rows: 4, columns: 64),
      factors(mask(0.5, seed: 6), rows: 4, columns: 64), factors(mask(0.5, from: 1), rows: 4, columns: 64),
    ]
    for other in others { #expect(zip(base, other).count { $0 != $1 } > 80) }  // 128 of 256 expected
    #expect(Array(base[..<64]) != Array(base[64..<128]))
    #expect(Array(others[3][..<64]) == Array(base[64..<128]))
  }
}
