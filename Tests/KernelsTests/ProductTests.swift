import Kernels
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

  @Test(arguments: [(1, 1, 1), (3, 5, 7), (17, 1, 9), (1, 33, 2), (31, 19, 65), (64, 64, 64)])
  func anyTransposeStrideAndKeep(_ m: Int, _ n: Int, _ k: Int) {
    for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
      for (factor, keep, gap) in [(1, 0, 0), (1, 1, 3), (0.5, 0, 5), (-2, 0.25, 1)] as [(Float, Float, Int)] {
        let a = GuardedMatrix.random(transposeA ? k : m, transposeA ? m : k, seed: 1, gap: gap)
        let b = GuardedMatrix.random(transposeB ? n : k, transposeB ? k : n, seed: 2, gap: 2 * gap)
        // What c held must not be read when none of it is kept.
        let c = keep == 0 ? GuardedMatrix.filled(m, n, gap: gap) : GuardedMatrix.random(m, n, seed: 3, gap: gap)
        let expected = twin(a, transposeA, b, transposeB, c, factor: factor, keep: keep)
        multiply(a, transposed: transposeA, b, rightTransposed: transposeB, into: c, factor: factor, keep: keep)
        #expect(relativeError(c.values, expected) < 1e-6, "[\(m), \(k)] [\(k), \(n)] \(transposeA) \(transposeB) gap \(gap)")
        #expect(GuardedMatrix.isIntact(c))
      }
    }
  }

  @Test func columnBlocksOfWiderMatrices() {
    let whole = GuardedMatrix.random(9, 20, seed: 4)
    let (left, right) = (whole.columns(0..<7), whole.columns(7..<20))
    let c = GuardedMatrix.filled(7, 13)
    let expected = twin(left, true, right, false, c, factor: 1, keep: 0)
    multiply(left, transposed: true, right, into: c)
    #expect(relativeError(c.values, expected) < 1e-6)
  }

  @Test func emptyExtents() {
    let c = GuardedMatrix.random(3, 4, seed: 5, gap: 1)
    let before = c.values
    multiply(GuardedMatrix.filled(3, 0), GuardedMatrix.filled(0, 4), into: c, keep: 1)
    #expect(c.values == before)
    multiply(GuardedMatrix.filled(3, 0), GuardedMatrix.filled(0, 4), into: c)
    #expect(c.values == [Float](repeating: 0, count: 12) && GuardedMatrix.isIntact(c))
    multiply(GuardedMatrix.filled(0, 5), GuardedMatrix.random(5, 4, seed: 6), into: GuardedMatrix.filled(0, 4))
    multiply(GuardedMatrix.random(3, 5, seed: 6), GuardedMatrix.filled(5, 0), into: GuardedMatrix.filled(3, 0))
  }

  @Test func theEngineNamesItself() {
    Engine.prepareThread(threads: 1)
    #expect(Engine.library.hasPrefix("oneDNN "))
    #expect(!Engine.instructionSet.isEmpty)
  }
}
