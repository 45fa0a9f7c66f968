import Host
import TestSupport
import Testing

@testable import Tensors

/// What bfloat16 decides is what float32 decides, and what it leaves open is what was asked for.
@Suite(.enabled(if: Engine.supports(.bf16), "this processor does not multiply bfloat16")) struct ScreenTests {
  private let workspace = Workspace(chunkBytes: 1 << 20)

  /// Screens items b `[n, k]` for rows a `[m, k]` and holds counts and open items against the float32 product.
  ///
  /// - Parameter bound: of a row, from its scores.
  /// - Returns: the share of items that are open.
  @discardableResult
  private func check(
    _ a: Matrix, _ b: Matrix, wanted: Float? = nil, _ comment: String, bound: (Int, [Float]) -> Float
  ) -> Double {
    let product = GuardedMatrix.filled(a.rows, b.rows)
    multiply(a, PackedFactor(b, transposed: true, workspace: workspace), into: product)
    let bounds = Vector.guarded(
      (0..<a.rows).map { row in bound(row, Array(UnsafeBufferPointer(start: product.row(row), count: b.rows))) })
    let wantedAbove = wanted.map { Vector.guarded([Float](repeating: $0, count: a.rows)) }
    let items = ScreenedItems(b, workspace: workspace)
    var counts = (0..<a.rows).map(Int64.init)
    let open = OpenItems(rows: a.rows, capacity: b.rows, workspace: workspace)
    let rows = RoundedRows(capacity: a.rows, width: a.columns, workspace: workspace)
    rows.round(a)
    let found = items.screen(rows, bounds: bounds, wanted: wantedAbove, counts: &counts, from: 100, into: open)
    #expect(found == (0..<a.rows).reduce(0) { $0 + open.items(of: $1).count }, "\(comment)")
    for row in 0..<a.rows {
      let listed = open.items(of: row).map { Int($0) - 100 }
      #expect(listed == Set(listed).sorted() && listed.allSatisfy { (0..<b.rows).contains($0) }, "\(comment)")
      var isOpen = [Bool](repeating: false, count: b.rows)
      for item in listed { isOpen[item] = true }
      let ahead = (0..<b.rows).count { !isOpen[$0] && !(product[row, $0] < bounds[row]) }
      #expect(counts[row] == Int64(row + ahead), "\(comment), row \(row)")
      if let wanted { #expect((0..<b.rows).allSatisfy { isOpen[$0] || !(product[row, $0] > wanted) }, "\(comment)") }
    }
    return Double(found) / Double(a.rows * b.rows)
  }

  @Test(arguments: [(1, 1, 1), (5, 31, 7), (12, 32, 64), (13, 33, 63), (128, 500, 64), (40, 100, 601)])
  func randomScores(m: Int, n: Int, k: Int) {
    let (a, b) = (GuardedMatrix.random(m, k, seed: 1, gap: 3), GuardedMatrix.random(n, k, seed: 2, gap: 1))
    let middle = check(a, b, "in the middle") { row, scores in scores[row % n] }
    #expect(n < 100 || middle < 0.1)
    // Many rows' bounds are far away: next to nothing is open.
    let high = check(a, b, "high") { _, scores in 1.5 * (scores.max() ?? 0) }
    #expect(n < 100 || high < 0.01)
    check(a, b, wanted: 0.2 * Float(k).squareRoot(), "wanted") { row, scores in scores[row % n] }
  }

  @Test func scalesFarApart() {
    for (left, right) in [
      (1e-30, 1e30), (1e-38, 1e-3), (1e-22, 1e-20), (1e-25, 1e-25), (1e18, 1e19), (1e38, 1), (1e38, 1e38), (0, 1),
    ]
      as [(Float, Float)]
    {
      let a = GuardedMatrix.random(20, 33, seed: 3, scale: left)
      let b = GuardedMatrix.random(70, 33, seed: 4, scale: right)
      check(a, b, wanted: 0, "scales \(left) and \(right)") { row, scores in scores[row] }
    }
  }

  /// Rounding that moves every number by as much and as the bound has it: neither vectors' part of the bound may be smaller.
  @Test(arguments: [8, 63, 256]) func theBoundIsReached(k: Int) {
    let (even, down, up) = (Float(1), Float(1 + 0x1p-8), Float(1 + 0x3p-8))  // rounded to 1, and to 1 + 2^-6
    for (left, right) in [(down, even), (even, down), (down, down), (up, even), (even, up), (up, up)] {
      let (a, b) = (GuardedMatrix.filled(1, k, with: left), GuardedMatrix.filled(40, k, with: right))
      let exact = left * right * Float(k)
      let rounded =
        (left == down ? 1 : left == up ? 1 + 0x1p-6 : left) * (right == down ? 1 : right == up ? 1 + 0x1p-6 : right) * Float(k)
      for share in [0.05, 0.3, 0.6, 0.9, 0.97] as [Float] {
        // Between the two, on the side where they differ: equal scores would count.
        check(a, b, "\(left) · \(right), \(share) of the way") { _, _ in rounded + share * (exact - rounded) }
        check(a, b, wanted: rounded + share * (exact - rounded), "\(left) · \(right) wanted") { _, _ in 2 * exact }
      }
    }
  }

  /// Nothing is rounded but sums: items equal to the target, whose score is the bound, are found in spite of that.
  @Test(arguments: [64, 127, 1024]) func sumsAreRoundedToo(k: Int) {
    func exact(_ rows: Int, _ seed: UInt64) -> Matrix {
      let values = RandomValues.floats(rows * k, seed: seed).map { Float(bitPattern: $0.bitPattern & 0xffff_0000) }
      return GuardedMatrix.make(values, rows: rows, columns: k)
    }
    let share = check(exact(60, 5), exact(60, 6), "exact numbers") { row, scores in scores[row] }
    // Each row's own item, and hardly another.
    #expect(share > 0.9 / 60 && share < 2.5 / 60)
  }

  @Test func equalAndBrokenScores() {
    let a = GuardedMatrix.random(6, 48, seed: 7)
    let b = GuardedMatrix.random(96, 48, seed: 8)
    for item in 0..<32 { for column in 0..<48 { b[64 + item, column] = b[3, column] } }
    check(a, b, "ties") { _, scores in scores[3] }
    for bad in [Float.nan, .infinity, -.infinity, .greatestFiniteMagnitude] {
      b[40, 5] = bad
      check(a, b, wanted: 1, "\(bad) in an item") { _, scores in scores[3] }
      check(a, b, wanted: 1, "\(bad) in the target") { _, scores in scores[40] }
      a[2, 7] = bad
      check(a, b, wanted: 1, "\(bad) in a row") { _, scores in scores[3] }
      a[2, 7] = 0
      check(a, b, wanted: bad, "\(bad) wanted") { _, _ in bad }
    }
    check(GuardedMatrix.filled(3, 48, with: 0), b, "a zero vector") { _, scores in scores[3] }
  }

  /// The same bits, not nearly: open items are compared with a bound that is one of them.
  @Test(arguments: [1, 7, 16, 64, 250, 256, 257, 700]) func rowsAreMultipliedAsEver(k: Int) {
    let (a, b) = (GuardedMatrix.random(1, k, seed: 9), GuardedMatrix.random(90, k, seed: 10, gap: 2))
    let product = GuardedMatrix.filled(1, 90)
    multiply(a, PackedFactor(b, transposed: true, workspace: workspace), into: product)
    for count in [0, 1, 31, 32, 33, 77] {
      let rows = (0..<count).map { ($0 * 37 + 5) % 90 }
      var found = [Float](repeating: 0, count: count + 1)
      multiplyRow(Vector(a.base, count: k), with: b, at: .kept(rows), into: &found)
      #expect(found[..<count].map(\.bitPattern) == rows.map { product[0, $0].bitPattern } && found[count] == 0)
    }
  }
}
