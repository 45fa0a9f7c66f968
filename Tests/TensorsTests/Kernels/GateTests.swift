import Foundation
import Host
import Tensors
import TestSupport
import Testing

/// Sums through a gate and the gated linear unit against their formulas in double precision, and bfloat16 against float32.
@Suite struct GateTests {
  private let workspace = Workspace(chunkBytes: 1 << 20)

  private func sigmoid(_ x: Float) -> Double { 1 / (1 + exp(-Double(x))) }

  private func matrix(_ rows: Int, _ columns: Int, _ element: (Int) -> Double) -> [Float] {
    (0..<rows * columns).map { Float(element($0)) }
  }

  /// Numbers that bfloat16 holds, stored both ways.
  private func both(_ rows: Int, _ columns: Int, seed: UInt64, scale: Float) -> [StoredRows] {
    let half = workspace.rows(rows, columns, .bf16)
    half.store(RandomValues.floats(rows * columns, seed: seed, scale: scale))
    return [half, StoredRows(GuardedMatrix.make(half.values, rows: rows, columns: columns))]
  }

  private func empty(_ rows: Int, _ columns: Int) -> [StoredRows] {
    [workspace.rows(rows, columns, .bf16), StoredRows(GuardedMatrix.filled(rows, columns))]
  }

  private func rounded(_ values: [Float]) -> [Float] {
    let half = workspace.rows(1, values.count, .bf16)
    half.store(values)
    return half.values
  }

  @Test(arguments: [(1, 1), (5, 7), (3, 130)]) func theGatedUnit(_ rows: Int, _ width: Int) {
    let x = GuardedMatrix.random(rows, 2 * width, seed: 1, scale: 6)
    let bias = RandomValues.floats(2 * width, seed: 2)
    let (before, after) = (empty(rows, 2 * width), empty(rows, width))
    for (before, after) in zip(before, after) { addBiasAndSwiGLU(.guarded(bias), to: x, before: before, after: after) }
    #expect(before[1].values == x.values.enumerated().map { $1 + bias[$0 % (2 * width)] })
    #expect(before[0].values == rounded(before[1].values))
    let dAfter = GuardedMatrix.random(rows, width, seed: 3)
    for kind in 0..<2 {
      let kept = before[kind].values
      func at(_ index: Int) -> (a: Float, b: Float) {
        let (row, column) = index.quotientAndRemainder(dividingBy: width)
        return (kept[2 * row * width + column], kept[(2 * row + 1) * width + column])
      }
      let expected = matrix(rows, width) { Double(at($0).a) * sigmoid(at($0).a) * Double(at($0).b) }
      #expect(relativeError(after[kind].values, expected) < (kind == 0 ? 0.005 : 1e-6))
      let (again, dBefore) = (empty(rows, width)[kind], empty(rows, 2 * width)[kind])
      swiGLUBackward(before: before[kind], dAfter: dAfter, after: again, dBefore: dBefore)
      #expect(again.values == after[kind].values)
      let gradient = matrix(rows, 2 * width) { position in
        let (row, column) = position.quotientAndRemainder(dividingBy: 2 * width)
        let index = row * width + column % width
        let ((a, b), d) = (at(index), Double(dAfter.values[index]))
        let s = sigmoid(a)
        return column < width ? d * Double(b) * (s + Double(a) * s * (1 - s)) : d * Double(a) * s
      }
      #expect(relativeError(dBefore.values, gradient) < (kind == 0 ? 0.005 : 1e-6))
    }
  }

  @Test(arguments: [(1, 1, Float(0)), (5, 7, 0.3), (4, 130, 0.3)])
  func theGatedSum(_ rows: Int, _ columns: Int, _ rate: Float) {
    let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: rows)
    for row in 0..<rows { keys[row] = UInt64(row) * 77 }
    let mask = DropoutMask(stream: RandomStream(seed: 1, dropoutSite: 2, step: 3), rowKeys: keys, rate: rate)
    let (x, z) = (GuardedMatrix.random(rows, columns, seed: 4), GuardedMatrix.random(rows, columns, seed: 5))
    let bias = Vector.guarded(RandomValues.floats(columns, seed: 6))
    let logits = both(rows, columns, seed: 7, scale: 9)
    // What a plain sum onto nothing gives is what the gate is multiplied with.
    let kept = GuardedMatrix.filled(rows, columns, with: 0)
    mask.add(x, bias: bias, to: kept, into: kept)
    let dOut = GuardedMatrix.random(rows, columns, seed: 8)
    let ones = StoredRows(GuardedMatrix.filled(rows, columns))
    mask.backward(dOut, into: ones)
    for kind in 0..<2 {
      let tolerance = kind == 0 ? 0.005 : 1e-6
      let gates = logits[kind].values.map(sigmoid)
      let (result, out) = (empty(rows, columns)[kind], GuardedMatrix.filled(rows, columns))
      mask.addGated(x, bias: bias, by: logits[kind], keeping: result, to: z, into: out)
      #expect(
        relativeError(out.values, matrix(rows, columns) { Double(z.values[$0]) + gates[$0] * Double(kept.values[$0]) }) < 1e-6)
      #expect(result.values == (kind == 0 ? rounded(kept.values) : kept.values) && GuardedMatrix.isIntact(out))
      let inPlace = GuardedMatrix.make(z.values, rows: rows, columns: columns)
      mask.addGated(x, bias: bias, by: logits[kind], keeping: result, to: inPlace, into: inPlace)
      #expect(inPlace.values == out.values)
      let (dX, dLogits) = (empty(rows, columns)[kind], empty(rows, columns)[kind])
      mask.gatedBackward(dOut, by: logits[kind], result: result, dX: dX, dLogits: dLogits)
      #expect(relativeError(dX.values, matrix(rows, columns) { gates[$0] * Double(ones.values[$0]) }) < tolerance)
      let slopes = matrix(rows, columns) {
        gates[$0] * (1 - gates[$0]) * Double(result.values[$0]) * Double(dOut.values[$0])
      }
      #expect(relativeError(dLogits.values, slopes) < 2 * tolerance)
    }
  }

  @Test func farLogitsAreZeroAndOne() {
    let logits = StoredRows(GuardedMatrix.make([-200, -89, 200, 88], rows: 1, columns: 4))
    let (result, out) = (StoredRows(GuardedMatrix.filled(1, 4)), GuardedMatrix.filled(1, 4))
    let (key, x) = (UnsafeMutablePointer<UInt64>.allocate(capacity: 1), GuardedMatrix.filled(1, 4, with: 3))
    key.pointee = 1
    let mask = DropoutMask(stream: RandomStream(seed: 1, dropoutSite: 0, step: 0), rowKeys: key, rate: 0)
    let zero = GuardedMatrix.filled(1, 4, with: 0)
    mask.addGated(x, bias: .guarded([0, 0, 0, 0]), by: logits, keeping: result, to: zero, into: out)
    #expect(zip(out.values, [Float(0), 0, 3, 3]).allSatisfy { abs($0 - $1) < 1e-6 })
    let (dX, dLogits) = (StoredRows(GuardedMatrix.filled(1, 4)), StoredRows(GuardedMatrix.filled(1, 4)))
    mask.gatedBackward(x, by: logits, result: result, dX: dX, dLogits: dLogits)
    #expect((dX.values + dLogits.values).allSatisfy { $0.isFinite })
  }
}
