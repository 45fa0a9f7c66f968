import CKernels
package import Host

/// Rows of numbers as they are stored, `[rows, columns]` in 32 or 16 bits, one behind the other; somebody else owns them.
///
/// What kernels read in place: 16 bits are widened in registers, never copied as a whole. A plain view like `Matrix`.
package struct StoredRows: BitwiseCopyable {
  /// The first element.
  package let base: UnsafeMutableRawPointer
  /// How the numbers are stored.
  package let element: NumberFormat
  /// The number of rows.
  package let rows: Int
  /// The number of columns.
  package let columns: Int

  /// Makes a view; `base` is aligned to an element.
  package init(_ base: UnsafeMutableRawPointer, _ element: NumberFormat, rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "stored rows of [\(rows), \(columns)]")
    self.base = base
    self.element = element
    self.rows = rows
    self.columns = columns
  }

  /// A float32 matrix without gaps, as stored rows.
  package init(_ matrix: Matrix) {
    precondition(matrix.isContiguous, "\(matrix.shape) has gaps")
    self.init(matrix.base, .fp32, rows: matrix.rows, columns: matrix.columns)
  }

  /// The number of elements.
  package var count: Int { rows * columns }

  /// The shape as text for error messages: `[3, 4]`.
  package var shape: String { "[\(rows), \(columns)]" }

  /// The same memory as a matrix; nil unless it is stored as float32.
  package var floats: Matrix? {
    element == .fp32 ? Matrix(base.assumingMemoryBound(to: Float.self), rows: rows, columns: columns) : nil
  }

  /// The memory, for files.
  package var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base, count: count * element.size)
  }

  /// A run of rows as a view of its own; always checked.
  package func rows(_ range: Range<Int>) -> StoredRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(shape)")
    return StoredRows(base + range.lowerBound * columns * element.size, element, rows: range.count, columns: columns)
  }

  /// Copies all elements into `output`, which has room for `count` floats; exact.
  package func copy(into output: UnsafeMutablePointer<Float>) {
    switch element {
    case .fp32: output.update(from: base.assumingMemoryBound(to: Float.self), count: count)
    case .bf16: ck_bf16_widen(count, base.assumingMemoryBound(to: UInt16.self), output)
    case .fp16: ck_fp16_widen(count, base.assumingMemoryBound(to: UInt16.self), output)
    }
  }

  /// Sets all elements from `count` floats, rounded to the nearest that can be stored (ties to even).
  package func store(_ values: UnsafePointer<Float>) {
    switch element {
    case .fp32: base.assumingMemoryBound(to: Float.self).update(from: values, count: count)
    case .bf16: ck_bf16_narrow(count, values, base.assumingMemoryBound(to: UInt16.self))
    case .fp16: ck_fp16_narrow(count, values, base.assumingMemoryBound(to: UInt16.self))
    }
  }

  /// Sets all elements from other rows of the same shape: copied if both are stored alike, else widened or rounded to the nearest.
  package func store(_ other: StoredRows) {
    precondition(other.rows == rows && other.columns == columns, "\(other.shape) stored as \(shape)")
    switch (element, other.element) {
    case (.fp32, _): other.copy(into: base.assumingMemoryBound(to: Float.self))
    case (_, .fp32): store(other.base.assumingMemoryBound(to: Float.self))
    case (.bf16, .bf16), (.fp16, .fp16): base.copyMemory(from: other.base, byteCount: count * element.size)
    default:
      withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { row in
        guard let floats = row.baseAddress else { return }
        for index in 0..<rows {
          other.rows(index..<index + 1).copy(into: floats)
          rows(index..<index + 1).store(floats)
        }
      }
    }
  }

  /// The elements, row by row, as an array (tests and small results).
  package var values: [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      if let start = buffer.baseAddress { copy(into: start) }
      filled = count
    }
  }
}

extension Workspace {
  /// Takes rows `[rows, columns]` with unspecified contents, stored in a format.
  package func rows(_ rows: Int, _ columns: Int, _ format: NumberFormat) -> StoredRows {
    StoredRows(
      take(UInt8.self, rows * columns * format.size), format, rows: rows, columns: columns)
  }

  /// A matrix without gaps as products read it: itself, or rounded to the nearest in a 16-bit format.
  package func rows(of matrix: Matrix, _ format: NumberFormat) -> StoredRows {
    guard format != .fp32 else { return StoredRows(matrix) }
    let rows = rows(matrix.rows, matrix.columns, format)
    rows.store(StoredRows(matrix))
    return rows
  }
}

extension StoredRows {
  /// Whether elements are bfloat16, as the kernels of activations ask.
  var bf16Flag: Int32 {
    precondition(element == .fp32 || element == .bf16, "activations stored as \(element)")
    return element == .bf16 ? 1 : 0
  }

  /// The first element of rows in bfloat16.
  var bf16Base: UnsafeMutablePointer<UInt16> { base.assumingMemoryBound(to: UInt16.self) }
}

extension NumberFormat {
  /// The format as the kernels spell it.
  var code: Int32 {
    switch self {
    case .fp32: Int32(CK_FP32.rawValue)
    case .bf16: Int32(CK_BF16.rawValue)
    case .fp16: Int32(CK_FP16.rawValue)
    }
  }

  /// Whether factors are bfloat16, as the kernels ask; half precision is no format of products.
  var bf16Flag: Int32 {
    precondition(self != .fp16, "products of factors in \(self)")
    return self == .bf16 ? 1 : 0
  }
}
