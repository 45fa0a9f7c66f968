import CKernels

/// Rows of numbers as they are stored, `[rows, columns]` in float32 or bfloat16, one behind the other; somebody else owns them.
///
/// What kernels read in place: bfloat16 is widened in registers, never copied as a whole. A plain view like `Matrix`.
public struct StoredRows: BitwiseCopyable {
  /// How a number is stored.
  public enum Element: Sendable, BitwiseCopyable {
    /// IEEE 754 single precision.
    case fp32
    /// bfloat16: the upper half of a float32, so half the memory with seven bits of fraction.
    case bf16

    /// Bytes of one element.
    public var size: Int {
      switch self {
      case .fp32: 4
      case .bf16: 2
      }
    }
  }

  /// The first element.
  public let base: UnsafeMutableRawPointer
  /// How the numbers are stored.
  public let element: Element
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int

  /// Makes a view; `base` is aligned to an element.
  public init(_ base: UnsafeMutableRawPointer, _ element: Element, rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "stored rows of [\(rows), \(columns)]")
    self.base = base
    self.element = element
    self.rows = rows
    self.columns = columns
  }

  /// A float32 matrix without gaps, as stored rows.
  public init(_ matrix: Matrix) {
    precondition(matrix.isContiguous, "\(matrix.shape) has gaps")
    self.init(matrix.base, .fp32, rows: matrix.rows, columns: matrix.columns)
  }

  /// The number of elements.
  public var count: Int { rows * columns }

  /// The shape as text for error messages: `[3, 4]`.
  public var shape: String { "[\(rows), \(columns)]" }

  /// The same memory as a matrix; nil unless it is stored as float32.
  public var floats: Matrix? {
    element == .fp32 ? Matrix(base.assumingMemoryBound(to: Float.self), rows: rows, columns: columns) : nil
  }

  /// The memory, for files.
  public var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base, count: count * element.size)
  }

  /// A run of rows as a view of its own.
  public func rows(_ range: Range<Int>) -> StoredRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(shape)")
    return StoredRows(base + range.lowerBound * columns * element.size, element, rows: range.count, columns: columns)
  }

  /// Copies all elements into `output`, which has room for `count` floats; exact.
  public func copy(into output: UnsafeMutablePointer<Float>) {
    switch element {
    case .fp32: output.update(from: base.assumingMemoryBound(to: Float.self), count: count)
    case .bf16: ck_bf16_widen(count, base.assumingMemoryBound(to: UInt16.self), output)
    }
  }

  /// Sets all elements from `count` floats, rounded to the nearest that can be stored (ties to even).
  public func store(_ values: UnsafePointer<Float>) {
    switch element {
    case .fp32: base.assumingMemoryBound(to: Float.self).update(from: values, count: count)
    case .bf16: ck_bf16_narrow(count, values, base.assumingMemoryBound(to: UInt16.self))
    }
  }

  /// Sets all elements from other rows of the same shape: copied if both are stored alike, else widened or rounded to the nearest.
  public func store(_ other: StoredRows) {
    precondition(other.rows == rows && other.columns == columns, "\(other.shape) stored as \(shape)")
    switch (element, other.element) {
    case (.fp32, .bf16): other.copy(into: base.assumingMemoryBound(to: Float.self))
    case (.bf16, .fp32): store(other.base.assumingMemoryBound(to: Float.self))
    default: base.copyMemory(from: other.base, byteCount: count * element.size)
    }
  }

  /// The elements, row by row, as an array (tests and small results).
  public var values: [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let start = buffer.baseAddress { copy(into: start) }
      filled = count
    }
  }
}
