import Tensors
import TestSupport
import Testing

@Suite struct PackedFactorTests {
  private let workspace = Workspace(chunkBytes: 1 << 16)

  @Test(
    arguments: [(1, 1, 1), (3, 5, 7), (6, 32, 9), (7, 33, 2), (13, 48, 65), (31, 80, 12), (64, 65, 64)], [false, true])
  func isTheProduct(_ extents: (m: Int, n: Int, k: Int), transposed: Bool) {
    let (m, n, k) = extents
    let a = GuardedMatrix.random(m, k, seed: 1, gap: 2)
    let b = GuardedMatrix.random(transposed ? n : k, transposed ? k : n, seed: 2, gap: 3)
    let c = GuardedMatrix.filled(m, n, gap: 5)
    multiply(a, PackedFactor(b, transposed: transposed, workspace: workspace), into: c)
    var expected: [Float] = []
    for row in 0..<m {
      for column in 0..<n {
        expected.append(
          Float((0..<k).reduce(0.0) { $0 + Double(a[row, $1]) * Double(transposed ? b[column, $1] : b[$1, column]) }))
      }
    }
    #expect(relativeError(c.values, expected) < 1e-6)
    #expect(GuardedMatrix.isIntact(a) && GuardedMatrix.isIntact(b) && GuardedMatrix.isIntact(c))
  }

  /// The reason for this product: not nearly the same, the same.
  @Test(arguments: [(300, 70, 384), (97, 8, 768), (40, 33, 6), (25, 130, 1000)])
  func anElementDoesNotKnowItsNeighbors(m: Int, n: Int, k: Int) {
    let (a, b) = (GuardedMatrix.random(m, k, seed: 3), GuardedMatrix.random(n, k, seed: 4))
    let whole = GuardedMatrix.filled(m, n)
    multiply(a, PackedFactor(b, transposed: true, workspace: workspace), into: whole)
    for (rows, columns) in [(0..<1, 0..<n), (m - 1..<m, 0..<n), (1..<m, 0..<1), (2..<m - 1, 1..<n), (5..<22, n - 3..<n)] {
      let part = GuardedMatrix.filled(rows.count, columns.count)
      multiply(a.rows(rows), PackedFactor(b.rows(columns), transposed: true, workspace: workspace), into: part)
      #expect(part.values.map(\.bitPattern) == whole.rows(rows).columns(columns).values.map(\.bitPattern))
    }
  }

  @Test(arguments: [1, 6, 20], [1, 16, 31, 32, 33, 100])
  func countsWhatTheProductHolds(m: Int, n: Int) {
    let (a, b) = (GuardedMatrix.random(m, 11, seed: 5), GuardedMatrix.random(n, 11, seed: 6))
    if m > 5 { a[4, 3] = .nan }
    if n > 20 { b[20, 0] = .nan }
    let factor = PackedFactor(b, transposed: true, workspace: workspace)
    let product = GuardedMatrix.filled(m, n)
    multiply(a, factor, into: product)
    // Equal to one of the row's own scores: a tie counts.
    let bounds = Vector.guarded((0..<m).map { product[$0, $0 % n] })
    var counts = (0..<m).map(Int64.init)
    counts.withUnsafeMutableBufferPointer { countNotBelow(bounds, in: a, times: factor, counts: $0) }
    for row in 0..<m {
      let ahead = (0..<n).count { !(product[row, $0] < bounds[row]) }
      #expect(ahead > 0 && counts[row] == Int64(row + ahead))
    }
  }

  /// The scores of a user [1] are the items' numbers.
  private func count(_ bound: Float, _ scores: [Float]) -> Int64 {
    let items = GuardedMatrix.make(scores, rows: scores.count, columns: 1)
    let factor = PackedFactor(items, transposed: true, workspace: workspace)
    var counts: [Int64] = [0]
    counts.withUnsafeMutableBufferPointer {
      countNotBelow(.guarded([bound]), in: GuardedMatrix.filled(1, 1, with: 1), times: factor, counts: $0)
    }
    return counts[0]
  }

  @Test func countingTiesAndNotANumbers() {
    #expect(count(1, [0, 1, 2, 1, .nan, -.infinity, .infinity]) == 5)
    #expect(count(.nan, [0, 1, .nan]) == 3)
    #expect(count(-.infinity, [-.infinity, 0]) == 2)
    #expect(count(.infinity, [.infinity, 0, .nan]) == 2)
    #expect(count(0, [-0.0, 0]) == 2)
    #expect(count(0, []) == 0)
  }

  @Test func emptyExtents() {
    let none = GuardedMatrix.filled(2, 0)
    let zeros = GuardedMatrix.filled(2, 40)
    multiply(none, PackedFactor(GuardedMatrix.filled(0, 40), workspace: workspace), into: zeros)
    #expect(zeros.values == [Float](repeating: 0, count: 80))
    multiply(
      GuardedMatrix.filled(0, 3), PackedFactor(GuardedMatrix.random(3, 4, seed: 7), workspace: workspace),
      into: GuardedMatrix.filled(0, 4))
    let nobody = PackedFactor(GuardedMatrix.filled(0, 3), transposed: true, workspace: workspace)
    multiply(GuardedMatrix.random(2, 3, seed: 8), nobody, into: GuardedMatrix.filled(2, 0))
  }
}
