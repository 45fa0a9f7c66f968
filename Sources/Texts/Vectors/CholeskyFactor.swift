import Tensors

/// A small square matrix in double precision, row-major.
struct SquareMatrix {
  let size: Int
  var values: [Double]

  init(size: Int, _ values: [Double]) {
    precondition(values.count == size * size, "\(values.count) numbers for [\(size), \(size)]")
    (self.size, self.values) = (size, values)
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * size + column] }
    set { values[row * size + column] = newValue }
  }
}

/// L of G = L Lᵀ, for a symmetric G without negative directions; what G hardly has is left out.
///
/// A column whose pivot falls below a share of the largest diagonal element depends on those before it: solving gives zero there,
/// not a huge number.
struct CholeskyFactor {
  private var lower: SquareMatrix

  /// Factors a matrix.
  init(_ gram: SquareMatrix, smallestShare: Double) {
    let size = gram.size
    lower = SquareMatrix(size: size, [Double](repeating: 0, count: size * size))
    let floor = smallestShare * ((0..<size).map { gram[$0, $0] }.max() ?? 0)
    for column in 0..<size {
      var pivot = gram[column, column]
      for inner in 0..<column { pivot -= lower[column, inner] * lower[column, inner] }
      guard pivot > floor else { continue }
      lower[column, column] = pivot.squareRoot()
      for row in (column + 1)..<max(size, column + 1) {
        var value = gram[row, column]
        for inner in 0..<column { value -= lower[row, inner] * lower[column, inner] }
        lower[row, column] = value / lower[column, column]
      }
    }
  }

  /// Replaces each row r of `matrix` by r L⁻ᵀ: if the rows' Gram matrix was G, it is 1 then.
  func solveRows(_ matrix: Matrix) {
    precondition(matrix.columns == lower.size, "\(matrix.shape) by a factor of \(lower.size)")
    var solved = [Double](repeating: 0, count: lower.size)
    for row in 0..<matrix.rows {
      let values = matrix.row(row)
      for column in 0..<lower.size {
        guard lower[column, column] > 0 else {
          solved[column] = 0
          continue
        }
        var value = Double(values[column])
        for inner in 0..<column { value -= lower[column, inner] * solved[inner] }
        solved[column] = value / lower[column, column]
      }
      for column in 0..<lower.size { values[column] = Float(solved[column]) }
    }
  }
}
