import Foundation
import Host
import TestSupport
import Testing

@testable import Tensors

/// Attention with a relative time bias against the twin that has one, in both precisions.
@Suite struct TimeBiasKernelTests {
  /// The bucket by the formula; nil where rounding may decide.
  private static func bucket(_ seconds: Int) -> Int? {
    let exact = log(Double(max(1, abs(seconds)))) / 0.301
    return seconds.magnitude > 1 && abs(exact - exact.rounded()) < 1e-5 ? nil : Int(exact)
  }

  @Test func bucketsAreThoseOfTheFormula() {
    let far = (0..<20_000).map { Int(RandomValues.bits(seed: 1, $0) >> UInt64(33 + $0 % 16)) }
    var seen: Set<Int> = []
    for seconds in Array(-100..<40_000) + far + [Int(Int32.max) - 1, -(Int(Int32.max) - 1)] {
      let found = TimeBiasRows.bucket(ofSeconds: Int32(seconds))
      if let expected = Self.bucket(seconds) { #expect(found == expected, "\(seconds) seconds") }
      seen.insert(found)
    }
    // 1 is alone in bucket 0 with what is less, 2 in bucket 2.
    #expect(seen.isSuperset(of: Set(0...71).subtracting([1])) && seen.allSatisfy { $0 < TimeBiasRows.buckets })
  }

  /// A sequence with times, and its twin's view of them; queries stand at their own event or at the next one.
  private struct Case {
    let bias: Matrix
    let gradient: Matrix
    let rows: TimeBiasRows
    let bucket: (Int, Int) -> Int

    init(length: Int, heads: Int, anchored: Bool) {
      bias = GuardedMatrix.random(heads, TimeBiasRows.buckets, seed: 3, scale: 2)
      gradient = GuardedMatrix.filled(heads, TimeBiasRows.buckets, with: 0.25)
      var ages = [0]
      for event in 0..<length { ages.append(ages[event] + (event % 4 == 1 ? 0 : 1 << (7 * event % 23)) + event) }
      let (keys, queries) = (Array(ages[1...].reversed()), Array((anchored ? ages[..<length] : ages[1...]).reversed()))
      rows = TimeBiasRows(queryAges: .kept(queries), keyAges: .kept(keys), bias: bias, gradient: gradient)
      bucket = { TimeBiasRows.bucket(ofSeconds: Int32(queries[$0] - keys[$1])) }
    }

    /// The table's gradient without what it began with.
    var added: [Float] { gradient.values.map { $0 - 0.25 } }

    func twin(_ qkv: Matrix, heads: Int, causal: Bool) -> AttentionTwin {
      var twin = AttentionTwin(qkv, heads: heads, causal: causal)
      twin.bias = (0..<heads).map { bias.rows($0..<$0 + 1).values.map(Double.init) }
      twin.bucket = bucket
      return twin
    }
  }

  private func scratch(_ length: Int, _ width: Int, _ precision: NumberFormat) -> Matrix {
    GuardedMatrix.filled(1, attentionScratch(length: length, headWidth: width, precision: precision))
  }

  @Test(arguments: [(5, 3), (24, 1), (16, 2)], [false, true])
  func floatsAreAsTheTwins(_ extents: (width: Int, heads: Int), _ causal: Bool) {
    let (width, heads) = extents
    for length in [1, 2, 3, 15, 16, 17, 31, 33, 49, 70, 130] {
      let timed = Case(length: length, heads: heads, anchored: length % 2 == 0)
      let qkv = GuardedMatrix.random(length, 3 * heads * width, seed: UInt64(length))
      let (out, dQKV) = (GuardedMatrix.filled(length, heads * width), GuardedMatrix.filled(length, 3 * heads * width))
      let logSum = Vector.guarded(.init(repeating: .nan, count: heads * length))
      let scratches = [scratch(length, width, .fp32), scratch(length, width, .fp32)]
      let vectors = scratches.map { Vector($0.base, count: $0.count) }
      attention(
        StoredRows(qkv), heads: heads, causal: causal, time: timed.rows, into: StoredRows(out), logSum: logSum,
        scratch: vectors[0])
      let twin = timed.twin(qkv, heads: heads, causal: causal)
      let dOut = GuardedMatrix.random(length, heads * width, seed: 2)
      attentionBackward(
        StoredRows(qkv), heads: heads, causal: causal, time: timed.rows, out: StoredRows(out), logSum: logSum, dOut: dOut,
        dQKV: StoredRows(dQKV), scratch: vectors[1])
      let (forward, gradients) = (twin.forward(), twin.gradients(dOut))
      #expect(relativeError(out.values, forward.out) < 1e-6 && relativeError(logSum.values, forward.logSums) < 1e-6)
      #expect(relativeError(dQKV.values, gradients.dQKV) < 2e-6, "length \(length)")
      // Of one key its weight is 1 whatever the bias.
      if length > 1 { #expect(relativeError(timed.added, gradients.dBias) < 1e-5, "length \(length)") }
      #expect(([out, dQKV, timed.bias, timed.gradient] + scratches).allSatisfy(GuardedMatrix.isIntact), "length \(length)")
    }
  }

  @Test func theNewestAloneIsTheLastRow() {
    let (length, heads, width) = (37, 2, 6)
    let timed = Case(length: length, heads: heads, anchored: true)
    let qkv = GuardedMatrix.random(length, 3 * heads * width, seed: 4)
    let (out, newest) = (GuardedMatrix.filled(length, heads * width), GuardedMatrix.filled(1, heads * width))
    let buffer = scratch(length, width, .fp32)
    let vector = Vector(buffer.base, count: buffer.count)
    attention(
      StoredRows(qkv), heads: heads, causal: true, time: timed.rows, into: StoredRows(out),
      logSum: .guarded(.init(repeating: 0, count: heads * length)), scratch: vector)
    let keysValues = GuardedMatrix.make(
      (0..<length).flatMap { Array(qkv.rows($0..<$0 + 1).values[(heads * width)...]) }, rows: length, columns: 2 * heads * width)
    let query = Vector.guarded(Array(qkv.rows(length - 1..<length).values[..<(heads * width)]))
    let rows = TimeBiasRows(
      queryAges: .kept([0]), keyAges: UnsafeBufferPointer(start: timed.rows.keyAges, count: length), bias: timed.bias,
      gradient: timed.gradient)
    attentionOfNewest(
      query, keysValues, heads: heads, time: rows, into: Vector(newest.base, count: newest.count),
      scratch: .guarded(.init(repeating: .nan, count: 2 * length)))
    #expect(relativeError(newest.values, out.rows(length - 1..<length).values) < 1e-6)
  }

  @Test(arguments: [(1, 2, 6), (25, 2, 32), (70, 3, 18)], [false, true])
  func bfloat16StaysNear(_ extents: (length: Int, heads: Int, width: Int), _ causal: Bool) {
    guard Engine.supports(.bf16) else { return print("skipped: this machine has no bfloat16 products") }
    let (length, heads, width) = extents
    let workspace = Workspace(chunkBytes: 1 << 20)
    let half = workspace.rows(length, 3 * heads * width, .bf16)
    half.store(RandomValues.floats(length * 3 * heads * width, seed: 10))
    let timed = Case(length: length, heads: heads, anchored: true)
    let twin = timed.twin(GuardedMatrix.make(half.values, rows: length, columns: 3 * heads * width), heads: heads, causal: causal)
    let (out, dQKV) = (workspace.rows(length, heads * width, .bf16), workspace.rows(length, 3 * heads * width, .bf16))
    let logSum = workspace.vector(heads * length)
    let buffer = scratch(length, width, .bf16)
    let vector = Vector(buffer.base, count: buffer.count)
    attention(half, heads: heads, causal: causal, time: timed.rows, into: out, logSum: logSum, scratch: vector)
    let dOut = GuardedMatrix.random(length, heads * width, seed: 11)
    attentionBackward(
      half, heads: heads, causal: causal, time: timed.rows, out: out, logSum: logSum, dOut: dOut, dQKV: dQKV, scratch: vector)
    let (forward, gradients) = (twin.forward(), twin.gradients(dOut))
    #expect(relativeError(out.values, forward.out) < 0.01 && relativeError(logSum.values, forward.logSums) < 1e-5)
    guard length > 1 else { return }
    #expect(relativeError(dQKV.values, gradients.dQKV) < 0.02 && relativeError(timed.added, gradients.dBias) < 0.02)
    #expect(GuardedMatrix.isIntact(buffer) && GuardedMatrix.isIntact(timed.gradient))
  }
}
