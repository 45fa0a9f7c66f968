/// The two directions in which points spread most, and where the points stand along them.
///
/// Principal component analysis: the eigenvectors of the covariance with the two largest eigenvalues, by power iteration. A direction's
/// sign is such that its largest component is positive, so equal points give equal pictures.
package struct PrincipalAxes: Sendable {
  /// Where each point stands.
  package let points: [(x: Double, y: Double)]
  /// The share of the points' variance along each axis, 0 to 1.
  package let shares: (x: Double, y: Double)

  private static let rounds = 300

  /// Finds the axes of points, all of equally many finite numbers; nil of fewer than three points, or without any spread.
  package init?(_ rows: [[Float]]) {
    guard rows.count > 2, let width = rows.first?.count, width > 1 else { return nil }
    var means = [Double](repeating: 0, count: width)
    for row in rows { for column in 0..<width { means[column] += Double(row[column]) } }
    for column in 0..<width { means[column] /= Double(rows.count) }
    let centered = rows.map { row in row.indices.map { Double(row[$0]) - means[$0] } }
    var covariance = Self.covariance(centered, width)
    let total = (0..<width).reduce(0) { $0 + covariance[$1 * width + $1] }
    guard total.isFinite, total > 0 else { return nil }
    let (first, firstValue) = Self.largest(covariance, width)
    for row in 0..<width {
      for column in 0..<width { covariance[row * width + column] -= firstValue * first[row] * first[column] }
    }
    let (second, secondValue) = Self.largest(covariance, width, squareTo: first)
    shares = (min(1, firstValue / total), min(1, max(0, secondValue) / total))
    points = centered.map { row in (Self.product(row, first), Self.product(row, second)) }
  }

  private static func covariance(_ rows: [[Double]], _ width: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: width * width)
    sums.withUnsafeMutableBufferPointer { sums in
      for row in rows {
        row.withUnsafeBufferPointer { row in
          for one in 0..<width {
            for other in one..<width { sums[one * width + other] += row[one] * row[other] }
          }
        }
      }
      for one in 0..<width {
        for other in one..<width {
          sums[one * width + other] /= Double(rows.count)
          sums[other * width + one] = sums[one * width + other]
        }
      }
    }
    return sums
  }

  /// The direction that a symmetric matrix stretches most, of length 1, and by how much.
  ///
  /// - Parameter other: a direction to which it is to be square, whatever rounding has left of that; nil for none.
  private static func largest(
    _ matrix: [Double], _ width: Int, squareTo other: [Double]? = nil
  ) -> (vector: [Double], value: Double) {
    func squared(_ vector: [Double]) -> [Double] {
      guard let other else { return vector }
      let along = product(vector, other)
      return zip(vector, other).map { $0 - along * $1 }
    }
    // Uneven, so that it lies square to no direction that a data set is likely to have.
    var vector = squared((0..<width).map { 1 + Double(($0 * 7919) % 104_729) / 104_729 })
    var value = 0.0
    for _ in 0..<rounds {
      var next = [Double](repeating: 0, count: width)
      matrix.withUnsafeBufferPointer { matrix in
        for row in 0..<width {
          var sum = 0.0
          for column in 0..<width { sum += matrix[row * width + column] * vector[column] }
          next[row] = sum
        }
      }
      next = squared(next)
      let length = product(next, next).squareRoot()
      guard length > 0 else { break }
      vector = next.map { $0 / length }
      value = length
    }
    let norm = product(vector, vector).squareRoot()
    let most = vector.max { ($0.magnitude, -$0) < ($1.magnitude, -$1) } ?? 1
    return (vector.map { (most < 0 ? -$0 : $0) / norm }, value)
  }

  private static func product(_ one: [Double], _ other: [Double]) -> Double {
    var sum = 0.0
    for index in one.indices { sum += one[index] * other[index] }
    return sum
  }
}
