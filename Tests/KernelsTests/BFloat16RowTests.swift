import Kernels
import Tensors
import TestSupport
import Testing

/// Kernels over states in bfloat16: read in place, and rows that are updated and rounded at random.
@Suite struct BFloat16RowTests {
  /// Rows of bfloat16 that live as long as the process, with not-a-numbers around them.
  private struct Rows {
    let rows: StoredRows
    private let memory: UnsafeMutableBufferPointer<UInt16>

    init(_ values: [Float], columns: Int) {
      memory = .allocate(capacity: values.count + 64)
      memory.initialize(repeating: 0x7FC1)
      rows = StoredRows(memory.baseAddress! + 32, .bf16, rows: values.count / columns, columns: columns)
      rows.store(values)
    }

    var isIntact: Bool { (memory.prefix(32) + memory.suffix(32)).allSatisfy { $0 == 0x7FC1 } }
  }

  @Test(arguments: [(1, 1, 1), (3, 7, 2), (16, 384, 2), (5, 33, 4), (0, 5, 2)])
  func readingInPlaceIsReadingTheRoundedStates(_ tokens: Int, _ width: Int, _ active: Int) {
    let half = Rows(RandomValues.floats(tokens * width, seed: 1), columns: width)
    let whole = StoredRows(GuardedMatrix.make(half.rows.values, rows: tokens, columns: width))
    let chosen = RowList.kept(Array([4, 1, 5, 0][..<active]))
    let (queries, dPooled) = (GuardedMatrix.random(6, width, seed: 2), GuardedMatrix.random(active, width, seed: 3))
    func everything(_ states: StoredRows) -> [[Float]] {
      let mean = Vector.guarded(.init(repeating: .nan, count: width))
      tokenMean(states, into: mean)
      let (weights, pooled) = (GuardedMatrix.filled(active, tokens), GuardedMatrix.filled(active, width))
      attentionPool(states, chosen: chosen, queries: queries, weights: weights, pooled: pooled)
      let (dStates, dQueries) = (GuardedMatrix.filled(tokens, width, with: 1), GuardedMatrix.filled(6, width, with: 2))
      attentionPoolBackward(
        states, chosen: chosen, queries: queries, weights: weights, dPooled: dPooled, dStates: dStates, dQueries: dQueries)
      return [mean.values, weights.values, pooled.values, dStates.values, dQueries.values]
    }
    for (read, expected) in zip(everything(half.rows), everything(whole)) {
      #expect(read.allSatisfy(\.isFinite) && (expected.isEmpty || relativeError(read, expected) < 1e-6))
    }
    #expect(half.isIntact)
  }

  // MARK: Rounding

  private static let seed: UInt64 = 0x1234_5678_9ABC_DEF0

  private func rounding(step: UInt32, item: Int = 70_000, token: Int = 3) -> StochasticRounding {
    StochasticRounding(RandomStream(seed: Self.seed, purpose: .tokenRounding, step: step), item: item, token: token)
  }

  /// The sixteen random bits of a column, as philox.h lays them out.
  private func bits(_ rounding: StochasticRounding, _ column: Int) -> UInt32 {
    let (tile, place) = (column / 128, column % 128)
    let words = rounding.stream.words(row: rounding.row, column: UInt32(tile * 16 + place % 16))
    let word = [words.0, words.1, words.2, words.3][place / 32]
    return place / 16 % 2 == 0 ? word & 0xFFFF : word >> 16
  }

  /// Rounded by adding random bits below the last kept digit: the scalar twin.
  private func rounded(_ value: Float, _ bits: UInt32) -> Float {
    Float(bitPattern: (value.bitPattern &+ bits) & 0xFFFF_0000)
  }

  /// Values that an update in float32 gives, rounded by the twin; one in a thousand may round another way, because the
  /// vector code fuses a multiplication and an addition.
  private func expectTwin(_ row: Rows, _ updated: [Float], _ rounding: StochasticRounding) {
    let expected = updated.enumerated().map { rounded($1, bits(rounding, $0)) }
    let actual = row.rows.values
    #expect(zip(actual, expected).filter { $0 != $1 }.count <= updated.count / 500)
    #expect(zip(actual, updated).allSatisfy { abs($0 - $1) <= abs($1) * 0x1p-7 })
    #expect(row.isIntact)
  }

  @Test(arguments: [1, 5, 64, 128, 129, 385, 1000]) func adaGradAgainstItsTwin(_ width: Int) {
    let row = Rows(RandomValues.floats(width, seed: 4), columns: width)
    let accumulator = Vector.guarded([0.5])
    var total: Float = 0.5
    for step in 1...3 as ClosedRange<UInt32> {
      let before = row.rows.values
      let gradient = RandomValues.floats(width, seed: UInt64(20 + step))
      total += gradient.reduce(0) { $0 + $1 * $1 } / Float(width)
      let rate = 0.05 / (total.squareRoot() + 1e-3)
      adaGradRow(
        gradient: .guarded(gradient), value: row.rows, rounding: rounding(step: step), accumulator: accumulator.base,
        learningRate: 0.05, epsilon: 1e-3)
      #expect(abs(accumulator[0] - total) < 1e-5 * total)
      expectTwin(row, zip(before, gradient).map { ($1 * -rate) + $0 }, rounding(step: step))
    }
  }

  @Test(arguments: [1, 5, 128, 129, 1000]) func adamAgainstItsTwin(_ width: Int) {
    let row = Rows(RandomValues.floats(width, seed: 5), columns: width)
    let before = row.rows.values
    let (m, v) = (Vector.guarded(.init(repeating: 0, count: width)), Vector.guarded(.init(repeating: 0, count: width)))
    let gradient = Vector.guarded(RandomValues.floats(width, seed: 6, center: 2))
    let step = AdamStep(learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 1)
    adamRow(step, gradient: gradient, value: row.rows, rounding: rounding(step: 9), m: m, v: v)
    #expect(relativeError(m.values, gradient.values.map { 0.1 * $0 }) < 1e-6)
    #expect(relativeError(v.values, gradient.values.map { 0.001 * $0 * $0 }) < 2e-5)
    // The first corrected step is the learning rate itself, against the gradient's sign.
    #expect(zip(row.rows.values, before).allSatisfy { abs($0 - ($1 - 0.01)) <= abs($1 - 0.01) * 0x1.01p-7 + 1e-7 })
    expectTwin(row, before.map { $0 - 0.01 }, rounding(step: 9))
  }

  /// One update by a fixed difference, of a row of equal values, `steps` times anew.
  private func mean(of value: Float, minus difference: Float, steps: Int) -> (mean: Double, kinds: Set<Float>) {
    let width = 256
    let gradient = Vector.guarded(.init(repeating: 1, count: width))
    let accumulator = Vector.guarded([0])
    var (sum, kinds) = (0.0, Set<Float>())
    for step in 0..<steps {
      let row = Rows([Float](repeating: value, count: width), columns: width)
      accumulator[0] = 0
      adaGradRow(
        gradient: gradient, value: row.rows, rounding: rounding(step: UInt32(step)), accumulator: accumulator.base,
        learningRate: difference, epsilon: 0)
      sum += row.rows.values.reduce(0.0) { $0 + Double($1) }
      kinds.formUnion(row.rows.values)
    }
    return (sum / Double(steps * width), kinds)
  }

  @Test(arguments: [Float(0x1p-9), 0x1p-12, 0x1.8p-8, 0x1.4p-10, -0x1p-11]) func roundingIsRightOnAverage(_ difference: Float) {
    let (mean, kinds) = mean(of: 1.5, minus: difference, steps: 400)
    // A draw is one of two neighbours 2⁻⁷ apart, so the mean of 102,400 strays by at most 2⁻⁸ / √102,400 (one deviation).
    #expect(abs(mean - (1.5 - Double(difference))) < 5 * 0x1p-8 / 320)
    #expect(kinds.count == 2)
  }

  @Test func whatIsRepresentableIsExact() {
    #expect(mean(of: 1.5, minus: 0x1p-6, steps: 40).kinds == [1.484375])
    #expect(mean(of: -3, minus: 0.5, steps: 40).kinds == [-3.5])
    #expect(mean(of: 0.25, minus: 0.25, steps: 40).kinds == [0])
  }

  @Test func everyPartOfTheKeyCounts() {
    let reference = rounding(step: 1)
    let other = RandomStream(seed: 1, purpose: .tokenRounding, step: 1)
    let keys = [
      rounding(step: 2), rounding(step: 1, item: 70_001), rounding(step: 1, item: 70_000 + (1 << 17)),
      rounding(step: 1, token: 4),
      StochasticRounding(other, item: 70_000, token: 3),
    ]
    func row(_ key: StochasticRounding) -> [Float] {
      let row = Rows(RandomValues.floats(64, seed: 7), columns: 64)
      adaGradRow(
        gradient: .guarded(RandomValues.floats(64, seed: 8)), value: row.rows, rounding: key,
        accumulator: Vector.guarded([1]).base, learningRate: 0.01, epsilon: 0)
      return row.rows.values
    }
    #expect(row(reference) == row(rounding(step: 1)))
    for key in keys { #expect(row(key) != row(reference)) }
  }

  @Test func aZeroGradientOrNoNumberIsKept() {
    let row = Rows([1, 2, .nan], columns: 3)
    let accumulator = Vector.guarded([0])
    adaGradRow(
      gradient: .guarded([0, -0.0, 0]), value: row.rows, rounding: rounding(step: 1), accumulator: accumulator.base,
      learningRate: 1, epsilon: 0)
    #expect(Array(row.rows.values[..<2]) == [1, 2] && accumulator[0] == 0)
    adaGradRow(
      gradient: .guarded([1, 1, 1]), value: row.rows, rounding: rounding(step: 1), accumulator: accumulator.base,
      learningRate: 1, epsilon: 0)
    #expect(Array(row.rows.values[..<2]) == [0, 1] && row.rows.values[2].isNaN)
  }
}
