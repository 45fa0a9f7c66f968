import Tensors
import TestSupport
import Testing

@Suite struct AttentionKernelTests {
  /// The worst errors of forward and backward against the twin.
  private func errors(_ length: Int, heads: Int, width: Int, causal: Bool, scale: Float = 1) -> (
    forward: Double, backward: Double
  ) {
    let qkv = GuardedMatrix.random(length, 3 * heads * width, seed: UInt64(length), scale: scale)
    let out = GuardedMatrix.filled(length, heads * width)
    let logSum = Vector.guarded(.init(repeating: .nan, count: heads * length))
    // Scratch starts as not-a-numbers: nothing may be read that was not written.
    let scratch = GuardedMatrix.filled(1, attentionScratch(length: length, headWidth: width))
    attention(
      StoredRows(qkv), heads: heads, causal: causal, into: StoredRows(out), logSum: logSum,
      scratch: Vector(scratch.base, count: scratch.count))
    let twin = AttentionTwin(qkv, heads: heads, causal: causal)
    let expected = twin.forward()
    let dOut = GuardedMatrix.random(length, heads * width, seed: 2)
    let dQKV = GuardedMatrix.filled(length, 3 * heads * width)
    let backwardScratch = GuardedMatrix.filled(1, scratch.count)
    attentionBackward(
      StoredRows(qkv), heads: heads, causal: causal, out: StoredRows(out), logSum: logSum, dOut: dOut, dQKV: StoredRows(dQKV),
      scratch: Vector(backwardScratch.base, count: scratch.count))
    #expect([out, dQKV, scratch, backwardScratch].allSatisfy(GuardedMatrix.isIntact), "length \(length), width \(width)")
    let forward = max(relativeError(out.values, expected.out), relativeError(logSum.values, expected.logSums))
    return (forward, relativeError(dQKV.values, twin.backward(dOut)))
  }

  @Test(arguments: [1, 5, 16, 24, 64], [false, true])
  func everyLengthUpTo70(_ width: Int, _ causal: Bool) {
    var worst = (forward: 0.0, backward: 0.0)
    for length in 1...70 {
      let error = errors(length, heads: width < 16 ? 3 : 1, width: width, causal: causal)
      #expect(error.forward < 1e-6 && error.backward < 2e-6, "length \(length): \(error)")
      worst = (max(worst.forward, error.forward), max(worst.backward, error.backward))
    }
    print("attention, head width \(width), causal \(causal): worst errors \(worst.forward), \(worst.backward)")
  }

  @Test(arguments: [(200, 2, 32), (129, 3, 17), (48, 4, 33)], [false, true])
  func longerAndWider(_ extents: (length: Int, heads: Int, width: Int), _ causal: Bool) {
    let error = errors(extents.length, heads: extents.heads, width: extents.width, causal: causal)
    #expect(error.forward < 1e-6 && error.backward < 2e-6, "\(error)")
  }

  @Test func scoresFarApartDoNotOverflow() {
    let error = errors(33, heads: 2, width: 16, causal: true, scale: 12)  // scores up to some ±300
    #expect(error.forward < 1e-4 && error.backward < 1e-3, "\(error)")
  }

  @Test func aCausalQueryNeverSeesTheFuture() {
    func firstRows(of length: Int, future: Float) -> [Float] {
      let qkv = GuardedMatrix.random(length, 3 * 8, seed: 5)
      for row in 25..<length { for column in 0..<24 { qkv[row, column] = future } }
      let out = GuardedMatrix.filled(length, 8)
      let scratch = Vector.guarded(.init(repeating: .nan, count: attentionScratch(length: length, headWidth: 8)))
      attention(
        StoredRows(qkv), heads: 1, causal: true, into: StoredRows(out), logSum: .guarded(.init(repeating: 0, count: length)),
        scratch: scratch)
      return out.rows(0..<25).values
    }
    #expect(firstRows(of: 40, future: 1e6) == firstRows(of: 40, future: -3))
    #expect(firstRows(of: 40, future: 1e6) == firstRows(of: 25, future: 0))
  }
}
