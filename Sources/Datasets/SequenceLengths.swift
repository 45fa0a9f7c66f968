public import Files

/// Quantiles of the users' event counts (lower quantile: the value at rank `floor(q (n - 1))`).
public struct SequenceLengths: Codable, Sendable, Equatable {
  /// The shortest sequence.
  @Bounded<CountBounds> public var minimum = 0
  /// The quantile 0.25.
  @Bounded<CountBounds> public var lowerQuartile = 0
  /// The quantile 0.5.
  @Bounded<CountBounds> public var median = 0
  /// The quantile 0.75.
  @Bounded<CountBounds> public var upperQuartile = 0
  /// The quantile 0.95.
  @Bounded<CountBounds> public var percentile95 = 0
  /// The longest sequence.
  @Bounded<CountBounds> public var maximum = 0
  /// Events per user.
  public var mean = 0.0

  init() {}

  /// Quantiles of these lengths, in any order.
  init(_ lengths: [Int]) {
    guard !lengths.isEmpty else { return }
    let sorted = lengths.sorted()
    func quantile(_ share: Double) -> Int { sorted[Int(share * Double(sorted.count - 1))] }
    minimum = quantile(0)
    lowerQuartile = quantile(0.25)
    median = quantile(0.5)
    upperQuartile = quantile(0.75)
    percentile95 = quantile(0.95)
    maximum = quantile(1)
    mean = Double(sorted.reduce(0, +)) / Double(sorted.count)
  }
}
