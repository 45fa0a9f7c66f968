/// A row-major float32 matrix `[rows, columns]` that somebody else owns (a workspace, an arena, a table).
///
/// Rows stand `stride` elements apart, so a block of columns of a wider matrix is a matrix too. A plain view: copying
/// it copies no numbers, and it must not outlive its owner. Ours: layers pass views, owners are few and named.
public struct Matrix: BitwiseCopyable {
  /// The first element.
  public let base: UnsafeMutablePointer<Float>
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// The distance between the starts of two rows, in elements.
  public let stride: Int

  /// Makes a view; `stride` defaults to `columns` (no gaps).
  public init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    precondition(rows >= 0 && columns >= 0, "a matrix of [\(rows), \(columns)]")
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// The number of elements.
  public var count: Int { rows * columns }

  /// Whether the rows follow each other without gaps, as element-wise kernels need.
  public var isContiguous: Bool { stride == columns || rows <= 1 }

  /// The shape as text for error messages: `[3, 4]`.
  public var shape: String { "[\(rows), \(columns)]" }

  /// The element at `row`, `column`.
  public subscript(row: Int, column: Int) -> Float {
    get { base[row * stride + column] }
    nonmutating set { base[row * stride + column] = newValue }
  }

  /// The start of a row.
  public func row(_ row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

  /// A run of rows as a matrix of its own.
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(shape)")
    return Matrix(base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// A run of columns as a matrix of its own.
  public func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(shape)")
    return Matrix(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// The same numbers with other row and column counts; the matrix must have no gaps.
  public func reshaped(rows: Int, columns: Int) -> Matrix {
    precondition(isContiguous && rows * columns == count, "\(shape) reshaped to [\(rows), \(columns)]")
    return Matrix(base, rows: rows, columns: columns)
  }

  /// The elements as a buffer, for collectives and files; the matrix must have no gaps.
  public var buffer: UnsafeMutableBufferPointer<Float> {
    precondition(isContiguous, "\(shape) has gaps")
    return UnsafeMutableBufferPointer(start: base, count: count)
  }

  /// Sets every element to zero.
  public func clear() {
    for row in 0..<(isContiguous ? min(rows, 1) : rows) {
      (base + row * stride).update(repeating: 0, count: isContiguous ? count : columns)
    }
  }

  /// The elements, row by row, as an array (tests and small results).
  public var values: [Float] {
    (0..<rows).flatMap { row in Array(UnsafeBufferPointer(start: self.row(row), count: columns)) }
  }
}

/// A float32 vector that somebody else owns: biases, scales, one number a row.
public struct Vector: BitwiseCopyable {
  /// The first element.
  public let base: UnsafeMutablePointer<Float>
  /// The number of elements.
  public let count: Int

  /// Makes a view.
  public init(_ base: UnsafeMutablePointer<Float>, count: Int) {
    precondition(count >= 0, "a vector of \(count)")
    self.base = base
    self.count = count
  }

  /// The element at `index`.
  public subscript(index: Int) -> Float {
    get { base[index] }
    nonmutating set { base[index] = newValue }
  }

  /// A run of elements.
  public subscript(range: Range<Int>) -> Vector {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements \(range) of \(count)")
    return Vector(base + range.lowerBound, count: range.count)
  }

  /// Sets every element to zero.
  public func clear() { base.update(repeating: 0, count: count) }

  /// The elements as an array.
  public var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// The elements as a buffer, for collectives and files.
  public var buffer: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: count) }
}
