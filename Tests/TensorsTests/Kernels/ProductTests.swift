import Host
import Tensors
import TestSupport
import Testing

@Suite struct ProductTests {
  /// factor · op(a) op(b) + keep · c in double precision, row by row.
  private func twin(
    _ a: Matrix, _ transposeA: Bool, _ b: Matrix, _ transposeB: Bool, _ c: Matrix, factor: Float, keep: Float
  ) -> [Float] {
    let depth = transposeA ? a.rows : a.columns
    var result: [Float] = []
    for row in 0..<c.rows {
      for column in 0..<c.columns {
        var sum = 0.0
        for k in 0..<depth {
          sum += Double(transposeA ? a[k, row] : a[row, k]) * Double(transposeB ? b[column, k] : b[k, column])
        }
        result.append(Float(Double(factor) * sum + (keep == 0 ? 0 : Double(keep) * Double(c[row, column]))))
      }
    }
    return result
  }

  @Test(arguments: [(1, 1, 1), (3, 5, 7), (17, 1, 9), (1, 33, 2), (31, 19, 65), (64, 64, 64), (250, 40, 3), (13, 35, 1030)])
  func anyTransposeStrideAndFactor(_ m: Int, _ n: Int, _ k: Int) {
    for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
      for (factor, adding, gap) in [(1, false, 0), (1, true, 3), (0.5, false, 5), (-2, true, 1)] as [(Float, Bool, Int)] {
        let a = GuardedMatrix.random(transposeA ? k : m, transposeA ? m : k, seed: 1, gap: gap)
        let b = GuardedMatrix.random(transposeB ? n : k, transposeB ? k : n, seed: 2, gap: 2 * gap)
        // What c held must not be read when nothing is added to it.
        let c = adding ? GuardedMatrix.random(m, n, seed: 3, gap: gap) : GuardedMatrix.filled(m, n, gap: gap)
        let expected = twin(a, transposeA, b, transposeB, c, factor: factor, keep: adding ? 1 : 0)
        multiply(
          a, transposed: transposeA, b, rightTransposed: transposeB, into: c, factor: factor, adding: adding,
          workspace: workspace)
        #expect(relativeError(c.values, expected) < 2e-6, "[\(m), \(k)] [\(k), \(n)] \(transposeA) \(transposeB) gap \(gap)")
        #expect(GuardedMatrix.isIntact(c))
      }
    }
  }

  @Test func columnBlocksOfWiderMatrices() {
    let whole = GuardedMatrix.random(9, 20, seed: 4)
    let (left, right) = (whole.columns(0..<7), whole.columns(7..<20))
    let c = GuardedMatrix.filled(7, 13)
    let expected = twin(left, true, right, false, c, factor: 1, keep: 0)
    multiply(left, transposed: true, right, into: c, workspace: workspace)
    #expect(relativeError(c.values, expected) < 1e-6)
  }

  @Test func emptyExtents() {
    let c = GuardedMatrix.random(3, 4, seed: 5, gap: 1)
    let before = c.values
    func multiply(_ a: Matrix, _ b: Matrix, _ c: Matrix, adding: Bool = false) {
      Tensors.multiply(a, b, into: c, adding: adding, workspace: workspace)
    }
    multiply(GuardedMatrix.filled(3, 0), GuardedMatrix.filled(0, 4), c, adding: true)
    #expect(c.values == before)
    multiply(GuardedMatrix.filled(3, 0), GuardedMatrix.filled(0, 4), c)
    #expect(c.values == [Float](repeating: 0, count: 12) && GuardedMatrix.isIntact(c))
    multiply(GuardedMatrix.filled(0, 5), GuardedMatrix.random(5, 4, seed: 6), GuardedMatrix.filled(0, 4))
    multiply(GuardedMatrix.random(3, 5, seed: 6), GuardedMatrix.filled(5, 0), GuardedMatrix.filled(3, 0))
  }

  /// Rows as a precision stores them, and the same numbers, rounded, as a matrix.
  private func stored(_ rows: Int, _ columns: Int, _ precision: NumberFormat, seed: UInt64) -> (rows: StoredRows, matrix: Matrix)
  {
    let stored = workspace.rows(rows, columns, precision)
    stored.store(RandomValues.floats(rows * columns, seed: seed))
    return (stored, GuardedMatrix.make(stored.values, rows: rows, columns: columns))
  }

  @Test(
    arguments: [(1, 2, 2), (3, 5, 8), (17, 1, 10), (31, 64, 66), (250, 40, 4), (13, 35, 1030), (12, 33, 2052)],
    [NumberFormat.fp32, .bf16])
  func storedRowsTimesPackedFactors(_ extents: (m: Int, n: Int, k: Int), _ precision: NumberFormat) {
    guard Engine.supports(precision) else { return print("skipped: this machine has no bfloat16 products") }
    let (m, n, k) = extents
    let (a, roundedA) = stored(m, k, precision, seed: 1)
    let (b, roundedB) = stored(k, n, precision, seed: 2)
    for adding in [false, true] {
      let c = adding ? GuardedMatrix.random(m, n, seed: 3, gap: 2) : GuardedMatrix.filled(m, n, gap: 2)
      let expected = twin(roundedA, false, roundedB, false, c, factor: 1, keep: adding ? 1 : 0)
      let before = GuardedMatrix.make(c.values, rows: m, columns: n)
      multiply(a, PackedFactor(b, workspace: workspace), into: c, adding: adding)
      #expect(relativeError(c.values, expected) < 3e-6 && GuardedMatrix.isIntact(c))
      // Packed from float32 numbers that bfloat16 holds, straight or transposed, the factor is the same.
      let transposed = GuardedMatrix.make(
        (0..<n * k).map { roundedB[$0 % k, $0 / k] }, rows: n, columns: k)
      for packed in [
        PackedFactor(roundedB, precision: precision, workspace: workspace),
        PackedFactor(transposed, transposed: true, precision: precision, workspace: workspace),
      ] {
        let again = GuardedMatrix.make(before.values, rows: m, columns: n)
        multiply(a, packed, into: again, adding: adding)
        #expect(again.values.map(\.bitPattern) == c.values.map(\.bitPattern))
      }
    }
  }

  @Test(arguments: [(1, 3, 4), (7, 5, 8), (600, 18, 33), (513, 64, 40), (1025, 2, 2)], [NumberFormat.fp32, .bf16])
  func gradientsOfWeights(_ extents: (rows: Int, m: Int, n: Int), _ precision: NumberFormat) {
    guard Engine.supports(precision) else { return print("skipped: this machine has no bfloat16 products") }
    let (x, roundedX) = stored(extents.rows, extents.m, precision, seed: 4)
    let (y, roundedY) = stored(extents.rows, extents.n, precision, seed: 5)
    let c = GuardedMatrix.random(extents.m, extents.n, seed: 6)
    let expected = twin(roundedX, true, roundedY, false, c, factor: 1, keep: 1)
    addProduct(ofTransposed: x, y, to: c, workspace: workspace)
    #expect(relativeError(c.values, expected) < 3e-6 && GuardedMatrix.isIntact(c))
  }

  @Test func anOddDepthIsFilledUp() {
    guard Engine.supports(.bf16) else { return print("skipped: this machine has no bfloat16 products") }
    let factor = PackedFactor(GuardedMatrix.random(5, 3, seed: 7), precision: .bf16, workspace: workspace)
    #expect(factor.depth == 5 && factor.storedDepth == 6)
    let (a, rounded) = stored(2, 6, .bf16, seed: 8)
    let c = GuardedMatrix.filled(2, 3)
    multiply(a, factor, into: c)
    let b = GuardedMatrix.random(5, 3, seed: 7)
    let expected = twin(rounded.columns(0..<5), false, b, false, c, factor: 1, keep: 0)
    #expect(relativeError(c.values, expected) < 1e-2)  // b is rounded here
  }

  @Test func theEngineNamesItself() {
    Engine.prepareThread()
    #expect(!Engine.instructionSet.isEmpty)
    #expect(Engine.supports(.fp32) && Engine.supports(.bf16) == Engine.instructionSet.hasSuffix("_bf16"))
  }

  private let workspace = Workspace(chunkBytes: 1 << 18)
}
