import Tensors

/// The space in which items are linked: two are near where users' scores of them are alike.
///
/// Ours. The mean square by which users' scores of two items differ is (x − y)ᵀ C (x − y), where C is the mean of u uᵀ over users. So with
/// C = L Lᵀ (Cholesky) the rows Lᵀx are as far apart as users tell the items apart. Columns that no user's embedding uses, or that
/// all users weigh much, count by just that; in the rows themselves every column counts alike. A user's product with an item is
/// that of L⁻¹u with Lᵀx, so the search is the same.
struct LinkSpace {
  /// What is added to the diagonal of C, as a share of its mean: no column is without a weight.
  private static let least = 0.01

  /// Lower triangular, `[d, d]`.
  private let factor: Matrix
  private let storage: Storage<Float>

  /// The space of some users' embeddings `[n, d]`; without any, or where all are zero, that of the rows themselves.
  init(_ users: Matrix, workspace: Workspace) {
    let width = users.columns
    storage = Storage(count: width * width)
    factor = Matrix(storage.base, rows: width, columns: width)
    var moment = [Double](repeating: 0, count: width * width)
    if users.rows > 0 {
      multiply(users, transposed: true, users, into: factor, factor: 1 / Float(users.rows), workspace: workspace)
      for place in moment.indices { moment[place] = Double(factor.base[place]) }
    }
    let mean = (0..<width).reduce(0) { $0 + moment[$1 * width + $1] } / Double(max(width, 1))
    for column in 0..<width { moment[column * width + column] += mean > 0 ? Self.least * mean : 1 }
    Self.decompose(&moment, width)
    for place in moment.indices { factor.base[place] = Float(moment[place]) }
  }

  /// Moves rows `[r, d]` into the space.
  func move(_ rows: Matrix, into moved: Matrix, workspace: Workspace) {
    multiply(rows, factor, into: moved, workspace: workspace)
  }

  /// Cholesky's decomposition in place, row by row; above the diagonal zeros.
  private static func decompose(_ a: inout [Double], _ width: Int) {
    a.withUnsafeMutableBufferPointer { a in
      for row in 0..<width {
        for column in 0...row {
          var sum = a[row * width + column]
          for k in 0..<column { sum -= a[row * width + k] * a[column * width + k] }
          // Rounding alone could make it negative: what was added keeps it above.
          a[row * width + column] = row == column ? max(sum, 1e-30).squareRoot() : sum / a[column * width + column]
        }
        for column in row + 1..<max(width, row + 1) { a[row * width + column] = 0 }
      }
    }
  }
}
