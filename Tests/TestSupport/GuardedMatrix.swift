package import Tensors

/// Matrices, vectors and lists for tests, with not-a-numbers before, behind and between the rows.
///
/// A kernel that reads beside its input spreads them, one that writes beside its output leaves them changed. The memory is
/// never given back: views must not outlive their owner, and a test's numbers are few.
package enum GuardedMatrix {
  private static let margin = 32

  /// A matrix of the given numbers; `gap` more elements stand between its rows.
  package static func make(_ values: [Float], rows: Int, columns: Int, gap: Int = 0) -> Matrix {
    precondition(values.count == rows * columns, "\(values.count) numbers for [\(rows), \(columns)]")
    let stride = columns + gap
    let total = rows * stride + 2 * margin
    let start = UnsafeMutablePointer<Float>.allocate(capacity: total)
    start.initialize(repeating: .nan, count: total)
    for row in 0..<rows {
      for column in 0..<columns { start[margin + row * stride + column] = values[row * columns + column] }
    }
    return Matrix(start + margin, rows: rows, columns: columns, stride: stride)
  }

  /// A matrix of random numbers in ±scale.
  package static func random(_ rows: Int, _ columns: Int, seed: UInt64, scale: Float = 1, gap: Int = 0) -> Matrix {
    make(RandomValues.floats(rows * columns, seed: seed, scale: scale), rows: rows, columns: columns, gap: gap)
  }

  /// A matrix of one number.
  package static func filled(_ rows: Int, _ columns: Int, with value: Float = .nan, gap: Int = 0) -> Matrix {
    make([Float](repeating: value, count: rows * columns), rows: rows, columns: columns, gap: gap)
  }

  /// Whether all that stands around a matrix and between its rows is as it was made.
  package static func isIntact(_ matrix: Matrix) -> Bool {
    let used = matrix.rows * matrix.stride
    let outside = Array(-margin..<0) + Array(used..<(used + margin))
    let gaps = (0..<matrix.rows).flatMap { row in
      (row * matrix.stride + matrix.columns)..<((row + 1) * matrix.stride)
    }
    return (outside + gaps).allSatisfy { matrix.base[$0].isNaN }
  }
}

extension Vector {
  /// A vector of the given numbers, guarded as a `GuardedMatrix`.
  package static func guarded(_ values: [Float]) -> Vector {
    Vector(GuardedMatrix.make(values, rows: 1, columns: values.count).base, count: values.count)
  }
}

extension UnsafeBufferPointer<Int32> {
  /// A list of rows or ids that lives as long as the process.
  package static func kept(_ values: [Int]) -> RowList {
    let buffer = UnsafeMutableBufferPointer<Int32>.allocate(capacity: values.count)
    _ = buffer.initialize(from: values.map(Int32.init))
    return RowList(buffer)
  }
}
