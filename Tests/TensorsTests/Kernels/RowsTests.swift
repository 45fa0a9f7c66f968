import Tensors
import TestSupport
import Testing

@Suite struct RowsTests {
  private let rows = [4, 0, 4, 2, 4]

  @Test(arguments: [(1, 0), (7, 3), (131, 1)]) func gathering(_ columns: Int, _ gap: Int) {
    let table = GuardedMatrix.random(5, columns, seed: 1, gap: gap)
    let out = GuardedMatrix.filled(5, columns, gap: 2 * gap)
    gather(.kept(rows), from: table, into: out)
    #expect(out.values == rows.flatMap { table.rows($0..<$0 + 1).values })
    #expect(GuardedMatrix.isIntact(out))
    gather(RowList(start: nil, count: 0), from: table, into: GuardedMatrix.filled(0, columns))
  }

  @Test(arguments: [(1, 0), (7, 3), (131, 1)], [false, true])
  func scatteringAddsRepeatedRows(_ extents: (columns: Int, gap: Int), _ scaled: Bool) {
    let (columns, gap) = extents
    let table = GuardedMatrix.random(5, columns, seed: 2, gap: gap)
    let values = GuardedMatrix.random(5, columns, seed: 3, gap: 2 * gap)
    let factors = Vector.guarded(RandomValues.floats(5, seed: 4))
    var expected = table.values.map(Double.init)
    for (index, row) in rows.enumerated() {
      for c in 0..<columns { expected[row * columns + c] += Double(scaled ? factors[index] : 1) * Double(values[index, c]) }
    }
    if scaled {
      scatterAdd(values, scaledBy: factors, to: .kept(rows), of: table)
    } else {
      scatterAdd(values, to: .kept(rows), of: table)
    }
    #expect(relativeError(table.values, expected.map(Float.init)) < 1e-6)
    #expect(GuardedMatrix.isIntact(table))
  }

  /// (1 + big) − big depends on the order: the list's order is promised.
  @Test func sumsFollowTheList() {
    let table = GuardedMatrix.filled(1, 1, with: 0)
    scatterAdd(GuardedMatrix.make([1, 3e8, -3e8], rows: 3, columns: 1), to: .kept([0, 0, 0]), of: table)
    #expect(table[0, 0] == 0)
    scatterAdd(GuardedMatrix.make([3e8, -3e8, 1], rows: 3, columns: 1), to: .kept([0, 0, 0]), of: table)
    #expect(table[0, 0] == 1)
  }

  @Test(arguments: [(1, 1, 0), (5, 7, 2), (3, 130, 1)]) func dotsAndScaledRows(_ count: Int, _ columns: Int, _ gap: Int) {
    let x = GuardedMatrix.random(count, columns, seed: 5, gap: gap)
    let y = GuardedMatrix.random(count, columns, seed: 6, gap: 2 * gap)
    let out = Vector.guarded(.init(repeating: .nan, count: count))
    rowDots(x, y, factor: -0.5, into: out)
    let dots = (0..<count).map { r in Float(-0.5 * (0..<columns).reduce(0.0) { $0 + Double(x[r, $1]) * Double(y[r, $1]) }) }
    #expect(relativeError(out.values, dots) < 2e-6)
    let factors = Vector.guarded(RandomValues.floats(count, seed: 7))
    let sums = (0..<count).flatMap { r in (0..<columns).map { Float(Double(y[r, $0]) + Double(factors[r]) * Double(x[r, $0])) } }
    addScaledRows(x, factors: factors, to: y)
    #expect(relativeError(y.values, sums) < 1e-6)
    #expect(GuardedMatrix.isIntact(y))
  }
}
