import Foundation
import Host
import Tensors
import TestSupport
import Testing

/// Kernels that read and write activations in bfloat16 compute what they compute of the same, rounded numbers in float32, rounded
/// once to the nearest.
@Suite struct BFloat16ActivationTests {
  private let workspace = Workspace(chunkBytes: 1 << 20)

  /// The same numbers, all of which bfloat16 holds, stored both ways.
  private func both(_ rows: Int, _ columns: Int, seed: UInt64, scale: Float = 1) -> (half: StoredRows, whole: StoredRows) {
    let half = workspace.rows(rows, columns, .bf16)
    half.store(RandomValues.floats(rows * columns, seed: seed, scale: scale))
    return (half, StoredRows(GuardedMatrix.make(half.values, rows: rows, columns: columns)))
  }

  private func empty(_ rows: Int, _ columns: Int) -> (half: StoredRows, whole: StoredRows) {
    (workspace.rows(rows, columns, .bf16), StoredRows(GuardedMatrix.filled(rows, columns)))
  }

  /// What float32 numbers become in bfloat16.
  private func rounded(_ whole: StoredRows) -> [Float] {
    let half = workspace.rows(whole.rows, whole.columns, .bf16)
    half.store(whole)
    return half.values
  }

  @Test(arguments: [(1, 1), (5, 7), (3, 130)]) func biasAndItsGradient(_ rows: Int, _ columns: Int) {
    let x = GuardedMatrix.random(rows, columns, seed: 1)
    let bias = Vector.guarded(RandomValues.floats(columns, seed: 2))
    let y = empty(rows, columns)
    addBias(bias, to: x, into: y.half)
    addBias(bias, to: x, into: y.whole)
    #expect(y.half.values == rounded(y.whole))
    let dY = both(rows, columns, seed: 3)
    let sums = [dY.half, dY.whole].map { dY in
      let sum = Vector.guarded([Float](repeating: 0.5, count: columns))
      addColumnSums(dY, to: sum)
      return sum.values
    }
    #expect(sums[0] == sums[1])
  }

  @Test(arguments: [(1, 1), (5, 13), (4, 64)]) func geluAndItsGradient(_ rows: Int, _ columns: Int) {
    let x = GuardedMatrix.random(rows, columns, seed: 4, scale: 4)
    let bias = Vector.guarded(RandomValues.floats(columns, seed: 5))
    let (before, after) = (workspace.rows(rows, columns, .bf16), workspace.rows(rows, columns, .bf16))
    addBiasAndGelu(bias, to: x, before: before, after: after)
    // The rounded sum is what gelu is applied to: backward sees nothing else.
    let sum = GuardedMatrix.make(before.values, rows: rows, columns: columns)
    let expected = StoredRows(GuardedMatrix.filled(rows, columns))
    addBiasAndGelu(.guarded([Float](repeating: 0, count: columns)), to: sum, before: StoredRows(sum), after: expected)
    #expect(areNear(after.values, expected.values, within: 0x1p-13))
    let dAfter = GuardedMatrix.random(rows, columns, seed: 6)
    let (again, dBefore) = (empty(rows, columns), empty(rows, columns))
    geluBackward(before: before, dAfter: dAfter, after: again.half, dBefore: dBefore.half)
    geluBackward(before: StoredRows(sum), dAfter: dAfter, after: again.whole, dBefore: dBefore.whole)
    #expect(again.half.values == after.values && areNear(dBefore.half.values, dBefore.whole.values, within: 0x1p-12))
  }

  /// Whether numbers in bfloat16 are the others but for an absolute error before the rounding.
  private func areNear(_ half: [Float], _ whole: [Float], within bound: Float) -> Bool {
    zip(half, whole).allSatisfy { abs($0 - $1) <= bound + 0x1p-8 * abs($1) }
  }

  /// What is computed for bfloat16 is the exact gelu and its slope but for the errors that the kernel states, everywhere.
  @Test func geluIsExactEnoughEverywhere() {
    let count = 1 << 13
    let x = workspace.rows(1, count, .bf16)
    x.store((0..<count).map { Float($0 - count / 2) / 256 })
    let ones = GuardedMatrix.make([Float](repeating: 1, count: count), rows: 1, columns: count)
    let (value, slope) = (empty(1, count), empty(1, count))
    geluBackward(before: x, dAfter: ones, after: value.half, dBefore: slope.half)
    for (x, (value, slope)) in zip(x.values, zip(value.half.values, slope.half.values)) {
      let (x, rounding) = (Double(x), 0x1p-8)
      let share = 0.5 * erfc(-x / 2.0.squareRoot()), density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      #expect(abs(Double(value) - x * share) < 0x1p-13 + rounding * abs(x * share), "gelu(\(x))")
      let expected = share + x * density
      #expect(abs(Double(slope) - expected) < 0x1p-12 + rounding * abs(expected), "slope at \(x)")
    }
    // NaN stays one, and what is large is itself or nothing.
    x.store([.nan, 1000, -1000, 0] + [Float](repeating: 0, count: count - 4))
    geluBackward(before: x, dAfter: ones, after: value.half, dBefore: slope.half)
    #expect(value.half.values[0].isNaN && slope.half.values[0].isNaN)
    #expect(value.half.values[1] == 1000 && value.half.values[2] == 0 && value.half.values[3] == 0)
    #expect(slope.half.values[1] == 1 && abs(slope.half.values[2]) < 1e-6 && slope.half.values[3] == 0.5)
  }

  @Test func layerNormAndDropout() {
    let x = GuardedMatrix.random(6, 40, seed: 7)
    let (scale, bias) = (
      Vector.guarded(RandomValues.floats(40, seed: 8)), Vector.guarded(RandomValues.floats(40, seed: 9))
    )
    let y = empty(6, 40)
    for y in [y.half, y.whole] {
      layerNorm(
        x, scale: scale, bias: bias, epsilon: 1e-5, into: y, mean: workspace.vector(6), inverseDeviation: workspace.vector(6))
    }
    #expect(y.half.values == rounded(y.whole))
    let keys: [UInt64] = [3, 1, 4, 1, 5, 9]
    keys.withUnsafeBufferPointer { keys in
      let mask = DropoutMask(
        stream: RandomStream(seed: 1, dropoutSite: 2, step: 3), rowKeys: keys.baseAddress!, rate: 0.3)
      let dX = empty(6, 40)
      mask.backward(x, into: dX.half)
      mask.backward(x, into: dX.whole)
      #expect(dX.half.values == rounded(dX.whole) && dX.half.values.contains(0))
    }
  }

  /// Weights and score gradients are rounded as factors, so here it is nearly the same, not the same rounded.
  @Test(
    arguments: [(1, 1, 2), (7, 2, 6), (24, 1, 64), (25, 2, 32), (50, 2, 64), (70, 3, 18), (131, 1, 34)], [false, true])
  func attentionAndItsGradient(_ extents: (length: Int, heads: Int, width: Int), _ causal: Bool) {
    guard Engine.supports(.bf16) else { return print("skipped: this machine has no bfloat16 products") }
    let (length, heads, width) = extents
    let qkv = both(length, 3 * heads * width, seed: 10)
    let (out, dQKV) = (empty(length, heads * width), empty(length, 3 * heads * width))
    let sums = [Vector.guarded(.init(repeating: 0, count: heads * length)), workspace.vector(heads * length)]
    func scratch(_ precision: NumberFormat) -> Vector {
      .guarded(.init(repeating: .nan, count: attentionScratch(length: length, headWidth: width, precision: precision)))
    }
    let half = scratch(.bf16)
    attention(qkv.half, heads: heads, causal: causal, into: out.half, logSum: sums[0], scratch: half)
    attention(qkv.whole, heads: heads, causal: causal, into: out.whole, logSum: sums[1], scratch: scratch(.fp32))
    #expect(relativeError(out.half.values, out.whole.values) < 0.01)
    #expect(relativeError(sums[0].values, sums[1].values) < 1e-5)
    let dOut = GuardedMatrix.random(length, heads * width, seed: 11)
    let roundedOut = StoredRows(GuardedMatrix.make(out.half.values, rows: length, columns: heads * width))
    attentionBackward(
      qkv.half, heads: heads, causal: causal, out: out.half, logSum: sums[0], dOut: dOut, dQKV: dQKV.half, scratch: half)
    attentionBackward(
      qkv.whole, heads: heads, causal: causal, out: roundedOut, logSum: sums[1], dOut: dOut, dQKV: dQKV.whole,
      scratch: scratch(.fp32))
    let difference = zip(dQKV.half.values, dQKV.whole.values).map { $0 - $1 }
    #expect(norm(difference) < 0.01 * norm(dQKV.whole.values))
    let guarded = Matrix(half.base, rows: 1, columns: half.count)
    #expect(GuardedMatrix.isIntact(guarded) && GuardedMatrix.isIntact(Matrix(sums[0].base, rows: 1, columns: heads * length)))
  }

  @Test(arguments: [5, 32, 77], [false, true])
  func softmaxWritesRoundedExponentialsAndFillsUp(_ negatives: Int, _ corrected: Bool) {
    let values = RandomValues.floats(3 * negatives, seed: 12, scale: 6)
    let correction = corrected ? Vector.guarded(RandomValues.floats(negatives, seed: 13, scale: 3, center: -4)) : nil
    let ids = [8, 1, 2, 3, 9] + (5..<negatives).map { 5 + $0 }
    func gradient(_ exponentials: StoredRows?) -> (loss: Double, gradient: [Float]) {
      let logits = GuardedMatrix.make(values, rows: 3, columns: negatives)
      let (written, factors) = (exponentials ?? StoredRows(logits), Vector.guarded([0, 0, 0]))
      let loss = sampledSoftmaxBlock(
        logits: logits, positive: .guarded([1, 2, 3]), targets: .kept([7, 8, 9]), negativeIds: .kept(ids),
        correction: correction.map { UnsafePointer($0.base) }, weight: 0.5, exponentials: written, factors: factors)
      return (loss, written.values.enumerated().map { $1 * factors[$0 / written.columns] })
    }
    let width = (negatives + 1) / 2 * 2
    let (half, whole) = (gradient(workspace.rows(3, width, .bf16)), gradient(nil))
    #expect(abs(half.loss - whole.loss) < 1e-5 * whole.loss)
    for row in 0..<3 {
      let found = Array(half.gradient[(width * row)..<(width * row + width)])
      let expected = Array(whole.gradient[(negatives * row)..<(negatives * (row + 1))]) + (negatives < width ? [0] : [])
      #expect(areNear(found, expected, within: 0))
      // A column that is left out has no gradient at all.
      #expect(found.map { $0 == 0 } == expected.map { $0 == 0 })
    }
  }

  /// Of one negative at -x the target's gradient is -e^-x / (1 + e^-x): no rounding to bfloat16 stands between.
  @Test func theSoftmaxsExponentialIsAsExactAsStated() {
    let logits = (0..<800).map { -Float($0) / 10 }
    let positive = Vector.guarded([Float](repeating: 0, count: logits.count))
    _ = sampledSoftmaxBlock(
      logits: GuardedMatrix.make(logits, rows: logits.count, columns: 1), positive: positive,
      targets: .kept([Int](repeating: 1, count: logits.count)), negativeIds: .kept([2]), correction: nil, weight: 1,
      exponentials: workspace.rows(logits.count, 2, .bf16), factors: .guarded([Float](repeating: 0, count: logits.count)))
    for (logit, gradient) in zip(logits, positive.values) {
      let expected = exp(Double(logit)) / (1 + exp(Double(logit)))
      #expect(abs(-Double(gradient) - expected) < 0x1p-17 * expected, "e^\(logit)")
    }
  }
}
