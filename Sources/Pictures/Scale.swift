import Files

/// An axis between two round numbers, with a few round ticks.
package struct Scale: Sendable {
  /// What lies within an axis: numbers from the files of a run, of which any may be out of all bounds.
  private static let largest = 1e15

  /// The round values, rising.
  package let ticks: [Double]
  private let (decimals, step): (Int, Double)
  private let (from, to): (Double, Double)

  /// - Parameters:
  ///   - lowest: what the axis must show; the lowest tick is at or below it.
  ///   - highest: the same at the other end.
  ///   - includesZero: whether zero stands on the axis whatever the values are.
  ///   - from: where the lowest tick stands, in pixels.
  ///   - to: where the highest one does.
  package init(lowest: Double = 0, highest: Double, includesZero: Bool = true, from: Double, to: Double) {
    (self.from, self.to) = (from, to)
    var high = Self.bounded(highest, 1)
    var low = Self.bounded(lowest, 0)
    if includesZero { (low, high) = (min(low, 0), max(high, 0)) }
    if low > high { (low, high) = (high, low) }
    let (step, decimals) = Self.step(max(high - low, max(low.magnitude, high.magnitude) * 1e-6, 1e-6), most: 5)
    (self.decimals, self.step) = (decimals, step)
    let first = (low / step).rounded(.down)
    let last = max((high / step).rounded(.up), first + 1)
    ticks = (0...Int(last - first)).map { (first + Double($0)) * step }
  }

  private static func bounded(_ value: Double, _ other: Double) -> Double {
    value.isFinite ? min(max(value, -largest), largest) : other
  }

  /// The smallest of 1, 2 and 5 times a power of ten of which `most` cover a span, and its decimals.
  private static func step(_ span: Double, most: Double) -> (step: Double, decimals: Int) {
    for exponent in -6...15 {
      let power = (0..<abs(exponent)).reduce(1.0) { power, _ in power * 10 }
      for factor in [1.0, 2, 5] {
        let step = exponent < 0 ? factor / power : factor * power
        if span <= most * step { return (step, max(0, -exponent)) }
      }
    }
    return (largest, 0)
  }

  /// Round values inside a range, for an axis that ends where its values end.
  package static func ticks(in range: ClosedRange<Double>, most: Int = 6) -> [(value: Double, text: String)] {
    let (low, high) = (bounded(range.lowerBound, 0), bounded(range.upperBound, 1))
    guard high > low else { return [(low, text(low, low == low.rounded() ? 0 : 3, 1))] }
    let (step, decimals) = step(high - low, most: Double(max(most, 1)))
    let (first, last) = ((low / step).rounded(.up), (high / step).rounded(.down))
    guard last >= first else { return [(low, text(low, decimals, step))] }
    return (0...Int(last - first)).map { ((first + Double($0)) * step, text((first + Double($0)) * step, decimals, step)) }
  }

  /// The lowest tick's value.
  package var lowest: Double { ticks[0] }

  /// Where a value stands, in pixels; one beyond the axis stands at its end.
  package func y(_ value: Double) -> Double {
    let highest = ticks[ticks.count - 1]
    let inside = value.isFinite ? min(max(value, lowest), highest) : lowest
    return from + (to - from) * (inside - lowest) / (highest - lowest)
  }

  /// A tick in words.
  package func label(_ tick: Double) -> String { Self.text(tick, decimals, step) }

  /// Short enough for the room beside an axis, and still different from the next tick.
  private static func text(_ value: Double, _ decimals: Int, _ step: Double) -> String {
    switch value.magnitude {
    case 1e6... where step >= 1e4:
      let millions = HumanFormat.decimal(value / 1e6, 2)
      return "\(millions.hasSuffix(".00") ? String(millions.dropLast(3)) : millions) M"
    case 1e4... where step >= 1e3: return HumanFormat.decimal(value / 1e3, 0) + " k"
    case 1e3... where decimals == 0: return HumanFormat.count(Int(value.rounded()))
    default: return HumanFormat.decimal(value, decimals)
    }
  }
}
