/// A row-major float32 matrix `[rows, columns]` that somebody else owns (a workspace, an arena, a table).
///
/// Rows stand `stride` elements apart, so a block of columns of a wider matrix is a matrix too. A plain view: copying
/// it copies no numbers, and it must not outlive its owner. Ours: layers pass views, owners are few and named.
package struct Matrix: BitwiseCopyable {
  /// The first element.
  package let base: UnsafeMutablePointer<Float>
  /// The number of rows.
  package let rows: Int
  /// The number of columns.
  package let columns: Int
  /// The distance between the starts of two rows, in elements.
  package let stride: Int

  /// Makes a view; `stride` defaults to `columns` (no gaps).
  package init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    precondition(rows >= 0 && columns >= 0, "a matrix of [\(rows), \(columns)]")
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// The number of elements.
  package var count: Int { rows * columns }

  /// Whether the rows follow each other without gaps, as element-wise kernels need.
  package var isContiguous: Bool { stride == columns || rows <= 1 }

  /// The shape as text for error messages: `[3, 4]`.
  package var shape: String { "[\(rows), \(columns)]" }

  /// The element at `row`, `column`; checked in debug builds alone, as inner loops read it.
  package subscript(row: Int, column: Int) -> Float {
    get { base[offset(row, column)] }
    nonmutating set { base[offset(row, column)] = newValue }
  }

  private func offset(_ row: Int, _ column: Int) -> Int {
    assert(row >= 0 && row < rows && column >= 0 && column < columns, "element [\(row), \(column)] of \(shape)")
    return row * stride + column
  }

  /// The start of a row; checked in debug builds alone.
  ///
  /// The row after the last has a start, too: where an empty run of rows begins.
  package func row(_ row: Int) -> UnsafeMutablePointer<Float> {
    assert(row >= 0 && row <= rows, "row \(row) of \(shape)")
    return base + row * stride
  }

  /// A run of rows as a matrix of its own; always checked.
  package func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(shape)")
    return Matrix(base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// A run of columns as a matrix of its own; always checked.
  package func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(shape)")
    return Matrix(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// The same numbers with other row and column counts; the matrix must have no gaps.
  package func reshaped(rows: Int, columns: Int) -> Matrix {
    precondition(isContiguous && rows * columns == count, "\(shape) reshaped to [\(rows), \(columns)]")
    return Matrix(base, rows: rows, columns: columns)
  }

  /// The elements as a buffer, for collectives and files; the matrix must have no gaps.
  package var buffer: UnsafeMutableBufferPointer<Float> {
    precondition(isContiguous, "\(shape) has gaps")
    return UnsafeMutableBufferPointer(start: base, count: count)
  }

  /// Sets every element to zero.
  package func clear() {
    for row in 0..<(isContiguous ? min(rows, 1) : rows) {
      (base + row * stride).update(repeating: 0, count: isContiguous ? count : columns)
    }
  }

  /// The elements, row by row, as an array (tests and small results).
  package var values: [Float] {
    (0..<rows).flatMap { row in Array(UnsafeBufferPointer(start: self.row(row), count: columns)) }
  }
}

/// A float32 vector that somebody else owns: biases, scales, one number a row.
package struct Vector: BitwiseCopyable {
  /// The first element.
  package let base: UnsafeMutablePointer<Float>
  /// The number of elements.
  package let count: Int

  /// Makes a view.
  package init(_ base: UnsafeMutablePointer<Float>, count: Int) {
    precondition(count >= 0, "a vector of \(count)")
    self.base = base
    self.count = count
  }

  /// The element at `index`; checked in debug builds alone, as inner loops read it.
  package subscript(index: Int) -> Float {
    get { base[checked(index)] }
    nonmutating set { base[checked(index)] = newValue }
  }

  private func checked(_ index: Int) -> Int {
    assert(index >= 0 && index < count, "element \(index) of \(count)")
    return index
  }

  /// A run of elements; always checked.
  package subscript(range: Range<Int>) -> Vector {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements \(range) of \(count)")
    return Vector(base + range.lowerBound, count: range.count)
  }

  /// Sets every element to zero.
  package func clear() { base.update(repeating: 0, count: count) }

  /// The elements as an array.
  package var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// The elements as a buffer, for collectives and files.
  package var buffer: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: count) }
}
