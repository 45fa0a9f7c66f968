import Pictures

/// What several seeds say of one number.
package struct Spread: Sendable, Equatable {
  /// The mean over seeds.
  package let mean: Double
  /// The standard deviation over seeds, with n − 1; nil for one seed.
  package let deviation: Double?
  /// How many seeds there are.
  package let count: Int
  private let values: [Double]

  /// The spread of some values; nil of none.
  package init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
    self.mean = mean
    count = values.count
    self.values = values
  }

  /// The standard error of the mean: the deviation over the root of n; nil for one seed.
  package var error: Double? { deviation.map { $0 / Double(count).squareRoot() } }

  /// As pictures show it: the deviation is the whisker, and the seeds are small dots.
  var mark: Mark { Mark(mean, error: deviation, singles: values) }
}

/// How two ways differ, seed by seed: what a seed does to both of them falls out.
///
///     Δ_s = a_s − b_s,   mean Δ ± sd(Δ) / √n      n: the seeds that both have
struct PairedDifference: Sendable, Equatable {
  /// Mean, deviation and standard error of the differences.
  package let spread: Spread

  /// The difference of values by seed; nil where no seed has both.
  init?(_ values: [Double?], minus others: [Double?]) {
    precondition(values.count == others.count, "\(values.count) values against \(others.count)")
    let differences = zip(values, others).compactMap { value, other in value.flatMap { value in other.map { value - $0 } } }
    guard let spread = Spread(differences) else { return nil }
    self.spread = spread
  }

  /// The mean difference.
  package var mean: Double { spread.mean }
  /// Its standard error over seeds; nil for one seed.
  package var error: Double? { spread.error }
}
