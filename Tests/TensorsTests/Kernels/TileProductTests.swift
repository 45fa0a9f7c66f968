import CTileTwin
import Host
import Tensors
import TestSupport
import Testing

/// The product in AMX's tiles, which are software here.
///
/// It is held against plain loops, against this machine's kernel, and against itself with other rows, columns and depths beside it.
/// Faults of the tiles must be found by the test that every kernel is put to.
@Suite struct TileProductTests {
  /// Factors and sums with gaps, which hold NaN in the factors: what reads them is found.
  private struct Factors {
    let rows: Int
    let columns: Int
    let depth: Int
    let transposed: Bool
    let gap: Int
    var a: [UInt32]
    var b: [UInt32]
    var c: [Float]

    var aStrides: (row: Int, column: Int) { transposed ? (gap, gap * rows + 3) : (depth + 3, 1) }
    var stripWords: Int { 32 * (depth + 2) }
    var ldc: Int { columns + 5 }

    init(rows: Int, columns: Int, depth: Int, transposed: Bool = false, gap: Int = 1, whole: Bool = false) {
      (self.rows, self.columns, self.depth, self.transposed, self.gap) = (rows, columns, depth, transposed, gap)
      (a, b, c) = ([], [], [])
      let nan: UInt32 = 0x7fc0_7fc0
      a = [UInt32](repeating: nan, count: (gap * rows + 3) * (depth + 3))
      b = [UInt32](repeating: nan, count: columns / 32 * stripWords)
      func words(_ count: Int, seed: UInt64) -> [UInt32] {
        let numbers = RandomValues.floats(2 * count, seed: seed).map { whole ? ($0 * 8).rounded() : $0 }
        return (0..<count).map { numbers[2 * $0].bitPattern >> 16 | numbers[2 * $0 + 1].bitPattern & 0xffff_0000 }
      }
      for (index, word) in words(rows * depth, seed: 1).enumerated() {
        a[index / depth * aStrides.row + index % depth * aStrides.column] = word
      }
      for (index, word) in words(columns * depth, seed: 2).enumerated() {
        let (k, column) = (index / columns, index % columns)
        b[column / 32 * stripWords + k * 32 + column % 32] = word
      }
      c = RandomValues.floats(rows * ldc, seed: 3).map { whole ? ($0 * 8).rounded() : $0 }
    }

    /// The two numbers of each word of a row or of a column.
    private func pair(_ word: UInt32) -> (Double, Double) {
      (Double(Float(bitPattern: word << 16)), Double(Float(bitPattern: word & 0xffff_0000)))
    }

    /// The sum in double, and the sum of the terms' sizes.
    func element(_ row: Int, _ column: Int, adding: Bool) -> (sum: Double, size: Double) {
      var sum = adding ? Double(c[row * ldc + column]) : 0
      var size = abs(sum)
      for k in 0..<depth {
        let x = pair(a[row * aStrides.row + k * aStrides.column])
        let y = pair(b[column / 32 * stripWords + k * 32 + column % 32])
        sum += x.0 * y.0 + x.1 * y.1
        size += abs(x.0 * y.0) + abs(x.1 * y.1)
      }
      return (sum, size)
    }

    /// The product of these parts in tiles, or by the machine's own kernel; the numbers of C with their gaps.
    func product(
      _ rows: Range<Int>? = nil, strips: Range<Int>? = nil, words: Range<Int>? = nil, adding: Bool = false, here: Bool = false,
      into before: [Float]? = nil
    ) -> [Float] {
      let (rows, strips, words) = (rows ?? 0..<self.rows, strips ?? 0..<(columns / 32), words ?? 0..<depth)
      var result = before ?? c
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          result.withUnsafeMutableBufferPointer { c in
            var product = ctwin_product(
              rows: rows.count, columns: strips.count * 32, depth: words.count,
              a: a.baseAddress! + rows.lowerBound * aStrides.row + words.lowerBound * aStrides.column, a_row: aStrides.row,
              a_column: aStrides.column, b: b.baseAddress! + strips.lowerBound * stripWords + words.lowerBound * 32, b_row: 32,
              b_strip: stripWords, c: c.baseAddress! + rows.lowerBound * ldc + strips.lowerBound * 32, ldc: ldc,
              add: adding ? 1 : 0)
            if here { ctwin_multiply_here(&product) } else { #expect(ctwin_multiply(&product) == 0) }
          }
        }
      }
      return result
    }
  }

  private static let shapes = [
    (1, 32, 1), (15, 64, 16), (16, 32, 15), (17, 32, 17), (31, 96, 33), (32, 32, 48), (33, 64, 40), (50, 32, 7), (24, 64, 12),
    (70, 544, 21), (5, 32, 300), (40, 32, 512),
  ]

  @Test(arguments: shapes, [false, true])
  func sumsAreThoseOfPlainLoops(_ shape: (rows: Int, columns: Int, depth: Int), _ transposed: Bool) {
    for whole in [true, false] {
      let factors = Factors(
        rows: shape.rows, columns: shape.columns, depth: shape.depth, transposed: transposed, whole: whole)
      for adding in [false, true] {
        let (result, here) = (
          factors.product(adding: adding), Engine.supports(.bf16) ? factors.product(adding: adding, here: true) : nil
        )
        var (wrong, far, touched) = (0, 0, 0)
        for row in 0..<shape.rows {
          for column in 0..<factors.ldc {
            let index = row * factors.ldc + column
            guard column < shape.columns else {
              touched += result[index].bitPattern == factors.c[index].bitPattern ? 0 : 1
              continue
            }
            let (sum, size) = factors.element(row, column, adding: adding)
            // Two roundings a pair and two every sixteen, each by half of the last of 24 digits.
            let bound = whole ? 0 : 0x1p-24 * Double(3 * shape.depth + 2) * size
            wrong += abs(Double(result[index]) - sum) <= bound ? 0 : 1
            if let here { far += abs(Double(result[index]) - Double(here[index])) <= 2 * bound ? 0 : 1 }
          }
        }
        #expect(wrong == 0 && far == 0 && touched == 0, "\(shape) transposed \(transposed) adding \(adding) whole \(whole)")
      }
    }
  }

  @Test(arguments: [false, true], [false, true]) func anElementDoesNotKnowItsNeighbors(_ transposed: Bool, _ here: Bool) {
    guard !here || Engine.supports(.bf16) else { return print("skipped: this machine has no bfloat16 products") }
    let factors = Factors(rows: 75, columns: 128, depth: 37, transposed: transposed)
    let all = factors.product(adding: true, here: here).map(\.bitPattern)
    for cuts in [[1, 2, 18, 50], [16, 32, 48, 64], [31, 33, 74]] {
      var parts = factors.c
      for (start, end) in zip([0] + cuts, cuts + [75]) {
        for strips in [0..<1, 1..<3, 3..<4] {
          parts = factors.product(start..<end, strips: strips, adding: true, here: here, into: parts)
        }
      }
      #expect(parts.map(\.bitPattern) == all)
    }
  }

  /// Larger products are cut along the sum at whole tiles: the numbers stay the same.
  @Test(arguments: [false, true]) func cutsAtWholeTilesChangeNothing(_ transposed: Bool) {
    let factors = Factors(rows: 35, columns: 64, depth: 90, transposed: transposed)
    let all = factors.product().map(\.bitPattern)
    func cut(_ at: Int) -> [UInt32] {
      factors.product(words: at..<90, adding: true, into: factors.product(words: 0..<at)).map(\.bitPattern)
    }
    for at in [16, 32, 80] { #expect(cut(at) == all) }
    #expect(cut(40) != all)  // or this test would find nothing
  }

  @Test func neitherStrideNeedBeOne() {
    let near = Factors(rows: 40, columns: 32, depth: 21, transposed: true)
    let far = Factors(rows: 40, columns: 32, depth: 21, transposed: true, gap: 3)
    #expect(far.product().map(\.bitPattern) == near.product().map(\.bitPattern))
  }

  @Test func brokenTilesAreNotUsed() {
    #expect(ctwin_passes(Int32(CTWIN_SOUND.rawValue)) == 1)
    for fault in [CTWIN_LOSES_SECOND, CTWIN_LOSES_ROW, CTWIN_KEEPS_SUMS, CTWIN_ROUNDS_EARLY, CTWIN_LAST_COLUMN] {
      #expect(ctwin_passes(Int32(fault.rawValue)) == 0, "\(fault)")
    }
  }
}
