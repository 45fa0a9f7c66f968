/// Compares a hand-written gradient with central differences of the loss itself.
///
/// Made for Float32 kernels: rounding in the loss is some 1e-7 of its size and is divided by the step, so the step is large
/// (1e-2 of the values' size) and the error to expect is 1e-4 to 1e-3; 1e-2 is a safe tolerance, and a wrong term shows as
/// 1e-1 or more. Sum the loss in Double over outputs of size 1.
package enum FiniteDifference {
  /// The worst error of `gradient` over the checked entries, relative to the entry or to the entries' root mean square,
  /// whichever is larger; infinity if anything is not finite.
  ///
  /// - Parameters:
  ///   - values: the buffer that `loss` depends on; moved one entry at a time, and restored.
  ///   - gradient: dLoss/dvalues as calculated by `backward`, entry for entry.
  ///   - entries: how many randomly chosen entries to check; nil checks all. Fewer than asked when the buffer is smaller.
  ///   - step: half the distance between the two losses, as a share of the values' root mean square (at least of 0.1).
  ///   - floor: gradients below this size count as zero; raise it for losses far above 1.
  ///   - seed: of the choice of entries.
  ///   - loss: runs `forward` on the current values.
  package static func check(
    values: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
    entries: Int? = nil, step: Double = 1e-2, floor: Double = 1e-3, seed: UInt64 = 1, loss: () throws -> Double
  ) rethrows -> Double {
    precondition(values.count == gradient.count, "\(values.count) values, \(gradient.count) gradients")
    let size = max(0.1, norm(values) / Double(max(1, values.count)).squareRoot())
    let chosen = choose(entries, of: values.count, seed: seed)
    let slopes = try chosen.map { try slope(values, at: $0, step: Float(step * size), loss) }
    let meanSquare = slopes.reduce(0) { $0 + $1 * $1 } / Double(max(1, slopes.count))
    var worst = 0.0
    for (entry, slope) in zip(chosen, slopes) {
      let error = abs(Double(gradient[entry]) - slope) / max(abs(slope), meanSquare.squareRoot(), floor)
      guard error.isFinite else { return .infinity }
      worst = max(worst, error)
    }
    return worst
  }

  /// `check` for a gradient in an array.
  package static func check(
    values: UnsafeMutableBufferPointer<Float>, gradient: [Float],
    entries: Int? = nil, step: Double = 1e-2, floor: Double = 1e-3, seed: UInt64 = 1, loss: () throws -> Double
  ) rethrows -> Double {
    try gradient.withUnsafeBufferPointer {
      try check(values: values, gradient: $0, entries: entries, step: step, floor: floor, seed: seed, loss: loss)
    }
  }

  /// (loss(v + step) − loss(v − step)) / distance, with the distance that Float really moved.
  private static func slope(
    _ values: UnsafeMutableBufferPointer<Float>, at entry: Int, step: Float, _ loss: () throws -> Double
  ) rethrows -> Double {
    let original = values[entry]
    defer { values[entry] = original }
    let (above, below) = (original + step, original - step)
    values[entry] = above
    let lossAbove = try loss()
    values[entry] = below
    return (lossAbove - (try loss())) / (Double(above) - Double(below))
  }

  /// `wanted` different positions below `count` in a random order, or all of them.
  private static func choose(_ wanted: Int?, of count: Int, seed: UInt64) -> [Int] {
    guard let wanted, wanted < count else { return Array(0..<count) }
    let keyed = (0..<count).map { (key: RandomValues.bits(seed: seed, $0), position: $0) }
    return keyed.sorted { $0.key < $1.key }.prefix(wanted).map(\.position)
  }
}
