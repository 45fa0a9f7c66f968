import Host
import Tensors
import TestSupport
import Testing

/// Kernels over states in 16 bits: read in place, and rows that are updated and rounded at random.
@Suite struct SixteenBitRowTests {
  /// Rows of 16 bits that live as long as the process, with not-a-numbers around them.
  private struct Rows {
    let rows: StoredRows
    private let memory: UnsafeMutableBufferPointer<UInt16>

    init(_ element: NumberFormat, _ values: [Float], columns: Int) {
      memory = .allocate(capacity: values.count + 64)
      memory.initialize(repeating: 0x7FC1)
      rows = StoredRows(memory.baseAddress! + 32, element, rows: values.count / columns, columns: columns)
      rows.store(values)
    }

    var isIntact: Bool { (memory.prefix(32) + memory.suffix(32)).allSatisfy { $0 == 0x7FC1 } }
  }

  private static let elements: [NumberFormat] = [.bf16, .fp16]
  private let workspace = Workspace(chunkBytes: 1 << 18)

  /// What one more in the last kept digit is, of a number in [1, 2).
  private func digit(_ element: NumberFormat) -> Float { element == .bf16 ? 0x1p-7 : 0x1p-10 }

  @Test(arguments: elements, [(1, 1, 1), (3, 7, 2), (16, 384, 2), (5, 33, 4), (0, 5, 2)])
  func readingInPlaceIsReadingTheRoundedStates(
    _ element: NumberFormat, _ extents: (tokens: Int, width: Int, active: Int)
  ) {
    let (tokens, width, active) = extents
    let half = Rows(element, RandomValues.floats(tokens * width, seed: 1), columns: width)
    let whole = StoredRows(GuardedMatrix.make(half.rows.values, rows: tokens, columns: width))
    let chosen = RowList.kept(Array([4, 1, 5, 0][..<active]))
    let (queries, dPooled) = (GuardedMatrix.random(6, width, seed: 2), GuardedMatrix.random(active, width, seed: 3))
    let gate = Vector.guarded(RandomValues.floats(width, seed: 4))
    func everything(_ states: StoredRows) -> [[Float]] {
      let mean = Vector.guarded(.init(repeating: .nan, count: width))
      tokenMean(states, into: mean)
      let (weights, pooled) = (GuardedMatrix.filled(active, tokens), GuardedMatrix.filled(active, width))
      attentionPool(states, chosen: chosen, queries: queries, weights: weights, pooled: pooled)
      let (dStates, dQueries) = (GuardedMatrix.filled(tokens, width), GuardedMatrix.filled(6, width, with: 2))
      attentionPoolBackward(
        states, chosen: chosen, queries: queries, weights: weights, dPooled: dPooled, indices: .kept(Array(0..<active)),
        dQueries: dQueries, start: .init(rows: gate.base, stride: 0, factor: 1), dStates: .written(dStates),
        scratch: PoolScratch(tokens: tokens, width: width, active: active, workspace: workspace))
      return [mean.values, weights.values, pooled.values, dStates.values, dQueries.values]
    }
    for (read, expected) in zip(everything(half.rows), everything(whole)) { #expect(read == expected) }
    #expect(half.isIntact)
  }

  // MARK: Rounding

  private static let seed: UInt64 = 0x1234_5678_9ABC_DEF0

  private func rounding(step: UInt32, item: Int = 70_000, token: Int = 3) -> StochasticRounding {
    StochasticRounding(RandomStream(seed: Self.seed, purpose: .tokenRounding, step: step), item: item, token: token)
  }

  /// The sixteen random bits of a column, as philox.h lays them out.
  private func bits(_ rounding: StochasticRounding, _ column: Int) -> UInt32 {
    let (tile, index) = (column / 128, column % 128)
    let words = rounding.stream.words(row: rounding.row, column: UInt32(tile * 16 + index % 16))
    let word = [words.0, words.1, words.2, words.3][index / 32]
    return index / 16 % 2 == 0 ? word & 0xFFFF : word >> 16
  }

  /// Rounded by adding random bits below the last kept digit: the scalar twin.
  ///
  /// A subnormal half is a multiple of 2⁻²⁴, and what is beyond the largest half becomes that.
  private func rounded(_ element: NumberFormat, _ value: Float, _ bits: UInt32) -> Float {
    guard element == .fp16 else { return Float(bitPattern: (value.bitPattern &+ bits) & 0xFFFF_0000) }
    guard value.isFinite else { return value }
    let magnitude = abs(value)
    let kept =
      magnitude < 0x1p-14
      ? ((magnitude * 0x1p40).rounded(.down) + Float(bits)) < 0x1p16
        ? 0 : Float((UInt32(magnitude * 0x1p40) + bits) >> 16) * 0x1p-24
      : Float(bitPattern: (magnitude.bitPattern &+ bits >> 3) & 0xFFFF_E000)
    return Float(signOf: value, magnitudeOf: min(kept, 65_504))
  }

  /// Values that an update in float32 gives, rounded by the twin; one in a thousand may round another way, because the
  /// vector code fuses a multiplication and an addition.
  private func expectTwin(_ row: Rows, _ updated: [Float], _ rounding: StochasticRounding) {
    let element = row.rows.element
    let expected = updated.enumerated().map { rounded(element, $1, bits(rounding, $0)) }
    let actual = row.rows.values
    #expect(zip(actual, expected).filter { $0 != $1 }.count <= updated.count / 500 + (element == .fp16 ? 1 : 0))
    #expect(zip(actual, updated).allSatisfy { abs($0 - $1) <= abs($1) * digit(element) + 0x1p-24 })
    #expect(row.isIntact)
  }

  @Test(arguments: elements, [1, 5, 64, 128, 129, 385, 1000])
  func adaGradAgainstItsTwin(_ element: NumberFormat, _ width: Int) {
    let row = Rows(element, RandomValues.floats(width, seed: 4), columns: width)
    let accumulator = Vector.guarded([0.5])
    var total: Float = 0.5
    for step in 1...3 as ClosedRange<UInt32> {
      let before = row.rows.values
      let gradient = RandomValues.floats(width, seed: UInt64(20 + step))
      total += gradient.reduce(0) { $0 + $1 * $1 } / Float(width)
      let rate = 0.05 / (total.squareRoot() + 1e-3)
      updateRows(
        .adaGrad(learningRate: 0.05, epsilon: 1e-3, accumulator: accumulator.base, rounding: rounding(step: step)),
        gradient: Vector.guarded(gradient).base, values: row.rows)
      #expect(abs(accumulator[0] - total) < 1e-5 * total)
      expectTwin(row, zip(before, gradient).map { ($1 * -rate) + $0 }, rounding(step: step))
    }
  }

  @Test(arguments: elements, [1, 5, 128, 129, 1000])
  func adamAgainstItsTwin(_ element: NumberFormat, _ width: Int) {
    let row = Rows(element, RandomValues.floats(width, seed: 5), columns: width)
    let before = row.rows.values
    let (m, v) = (Vector.guarded(.init(repeating: 0, count: width)), Vector.guarded(.init(repeating: 0, count: width)))
    let gradient = Vector.guarded(RandomValues.floats(width, seed: 6, center: 2))
    updateRows(
      .adam(
        learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, m: m.base, v: v.base, updates: Vector.guarded([0]).base,
        rounding: rounding(step: 9)), gradient: gradient.base, values: row.rows)
    #expect(relativeError(m.values, gradient.values.map { 0.1 * $0 }) < 1e-6)
    #expect(relativeError(v.values, gradient.values.map { 0.001 * $0 * $0 }) < 2e-5)
    // The first corrected step is the learning rate itself, against the gradient's sign.
    let digit = 1.01 * digit(element)
    #expect(zip(row.rows.values, before).allSatisfy { abs($0 - ($1 - 0.01)) <= abs($1 - 0.01) * digit + 1e-6 })
    if element == .bf16 { expectTwin(row, before.map { $0 - 0.01 }, rounding(step: 9)) }
  }

  /// Rows whose gradient is `difference` over the learning rate, so that the update subtracts it; rounded as the twin rounds.
  @Test func halvesOfEveryMagnitudeAgainstTheTwin() {
    let values: [Float] = (-30...17).flatMap { exponent in
      [Float(sign: .plus, exponent: exponent, significand: 1.3), -Float(sign: .plus, exponent: exponent, significand: 1.7)]
    }
    // From rows of zeros, minus what they shall become; a gradient of squares that sum to their number moves by the rate.
    for value in values {
      let row = Rows(.fp16, [Float](repeating: 0, count: 128), columns: 128)
      let accumulator = Vector.guarded([0])
      updateRows(
        .adaGrad(learningRate: abs(value), epsilon: 0, accumulator: accumulator.base, rounding: rounding(step: 5)),
        gradient: Vector.guarded(.init(repeating: value < 0 ? 1 : -1, count: 128)).base, values: row.rows)
      #expect(row.rows.values == (0..<128).map { rounded(.fp16, value, bits(rounding(step: 5), $0)) }, "\(value)")
    }
  }

  /// One update by a fixed difference, of a row of equal values, `steps` times anew.
  private func mean(
    _ element: NumberFormat, of value: Float, minus difference: Float, steps: Int
  ) -> (mean: Double, kinds: Set<Float>) {
    let width = 256
    let gradient = Vector.guarded(.init(repeating: 1, count: width))
    let accumulator = Vector.guarded([0])
    var (sum, kinds) = (0.0, Set<Float>())
    for step in 0..<steps {
      let row = Rows(element, [Float](repeating: value, count: width), columns: width)
      accumulator[0] = 0
      updateRows(
        .adaGrad(learningRate: difference, epsilon: 0, accumulator: accumulator.base, rounding: rounding(step: UInt32(step))),
        gradient: gradient.base, values: row.rows)
      sum += row.rows.values.reduce(0.0) { $0 + Double($1) }
      kinds.formUnion(row.rows.values)
    }
    return (sum / Double(steps * width), kinds)
  }

  @Test(arguments: elements, [Float(0x1p-2), 0x1p-5, 0x1.8p-1, 0x1.4p-3, -0x1p-4])
  func roundingIsRightOnAverage(_ element: NumberFormat, _ share: Float) {
    let difference = share * digit(element)
    let (mean, kinds) = mean(element, of: 1.5, minus: difference, steps: 400)
    // A draw is one of two neighbors, so the mean of 102,400 strays by at most half a digit / √102,400 (one deviation).
    #expect(abs(mean - (1.5 - Double(difference))) < 5 * Double(digit(element)) / 2 / 320)
    #expect(kinds.count == 2)
  }

  @Test func subnormalHalvesAreRightOnAverage() {
    let (mean, kinds) = mean(.fp16, of: 0x1p-20, minus: 0x1.4p-25, steps: 400)
    #expect(abs(mean - 0x1p-20 + 0x1.4p-25) < 5 * 0x1p-25 / 320)
    #expect(kinds == Set<Float>([0x1p-20, 0x1p-20 - 0x1p-24]))
  }

  @Test(arguments: elements) func whatIsRepresentableIsExact(_ element: NumberFormat) {
    #expect(mean(element, of: 1.5, minus: 0x1p-6, steps: 40).kinds == [1.484375])
    #expect(mean(element, of: -3, minus: 0.5, steps: 40).kinds == [-3.5])
    #expect(mean(element, of: 0.25, minus: 0.25, steps: 40).kinds == [0])
  }

  @Test(arguments: elements) func everyPartOfTheKeyCounts(_ element: NumberFormat) {
    let reference = rounding(step: 1)
    let other = RandomStream(seed: 1, purpose: .tokenRounding, step: 1)
    let keys = [
      rounding(step: 2), rounding(step: 1, item: 70_001), rounding(step: 1, item: 70_000 + (1 << 17)),
      rounding(step: 1, token: 4),
      StochasticRounding(other, item: 70_000, token: 3),
    ]
    func row(_ key: StochasticRounding) -> [Float] {
      let row = Rows(element, RandomValues.floats(64, seed: 7), columns: 64)
      updateRows(
        .adaGrad(learningRate: 0.01, epsilon: 0, accumulator: Vector.guarded([1]).base, rounding: key),
        gradient: Vector.guarded(RandomValues.floats(64, seed: 8)).base, values: row.rows)
      return row.rows.values
    }
    #expect(row(reference) == row(rounding(step: 1)))
    for key in keys { #expect(row(key) != row(reference)) }
  }

  @Test(arguments: elements) func aZeroGradientOrNoNumberIsKept(_ element: NumberFormat) {
    let row = Rows(element, [1, 2, .nan, .infinity], columns: 4)
    let accumulator = Vector.guarded([0])
    func update(_ gradient: [Float]) {
      updateRows(
        .adaGrad(learningRate: 1, epsilon: 0, accumulator: accumulator.base, rounding: rounding(step: 1)),
        gradient: Vector.guarded(gradient).base, values: row.rows)
    }
    update([0, -0.0, 0, 0])
    #expect(Array(row.rows.values[..<2]) == [1, 2] && accumulator[0] == 0)
    update([1, 1, 1, 1])
    #expect(Array(row.rows.values[..<2]) == [0, 1] && row.rows.values[2].isNaN && row.rows.values[3] == .infinity)
  }
}
