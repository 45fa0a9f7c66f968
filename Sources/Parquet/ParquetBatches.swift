import CParquet
import Files

/// A stream of batches of a Parquet file's columns, by Arrow's C stream interface.
package final class ParquetBatches {
  /// Rows of the batches that `next` has returned.
  package private(set) var rowsRead = 0
  let stream: UnsafeMutablePointer<ArrowArrayStream>
  /// Open as long as its stream is.
  private let file: ParquetFile
  private let kinds: [ParquetColumn.Kind]

  /// Makes room for a stream, which `ParquetFile` starts.
  init(file: ParquetFile, kinds: [ParquetColumn.Kind]) throws {
    self.file = file
    self.kinds = kinds
    stream = .allocate(capacity: 1)
    stream.initialize(to: ArrowArrayStream())
  }

  deinit {
    if let release = stream.pointee.release { release(stream) }
    stream.deallocate()
  }

  /// The next batch, or nil at the end.
  ///
  /// Throws `InputError` when the file is damaged; nothing more is to be read then.
  package func next() throws -> ParquetBatch? {
    guard let getNext = stream.pointee.get_next else { throw failure("the stream is closed") }
    let array = UnsafeMutablePointer<ArrowArray>.allocate(capacity: 1)
    array.initialize(to: ArrowArray())
    guard getNext(stream, array) == 0 else {
      array.deallocate()
      throw failure(lastError)
    }
    guard array.pointee.release != nil else {
      array.deallocate()
      return nil
    }
    let batch = ParquetBatch(array)
    if let problem = batch.check(kinds) { throw failure("\(problem) behind row \(rowsRead)") }
    rowsRead += batch.rows
    return batch
  }

  /// Compares the stream's columns with what is read of them: binary for texts and times, lists of float32 for vectors.
  ///
  /// Throws `InputError` when they are others.
  func checkSchema() throws {
    guard let getSchema = stream.pointee.get_schema else { throw failure("the stream has no schema") }
    var schema = ArrowSchema()
    guard getSchema(stream, &schema) == 0 else { throw failure(lastError) }
    defer { if let release = schema.release { release(&schema) } }
    func format(_ schema: UnsafePointer<ArrowSchema>?) -> String { schema?.pointee.format.map { String(cString: $0) } ?? "" }
    guard String(cString: schema.format) == "+s", Int(schema.n_children) == kinds.count, let children = schema.children else {
      throw failure("the columns are others than those that were asked for")
    }
    for (index, kind) in kinds.enumerated() {
      let child = children[index]
      let isRight =
        kind == .vector
        ? format(child) == "+l" && child?.pointee.n_children == 1 && format(child?.pointee.children[0]) == "f"
        : format(child) == "z"
      guard isRight else { throw failure("column \(index + 1) has another type than was asked for") }
    }
  }

  private var lastError: String {
    stream.pointee.get_last_error.flatMap { $0(stream) }.map { String(cString: $0) } ?? "an unknown error"
  }

  private func failure(_ reason: String) -> InputError {
    InputError(ParquetFile.damaged(file.path, String(reason.prefix { $0 != "\n" })))
  }
}

/// Rows of some columns in memory; let go of with the object.
package final class ParquetBatch {
  /// The number of rows.
  package let rows: Int
  private let array: UnsafeMutablePointer<ArrowArray>

  /// Takes over an array that the library has filled.
  init(_ array: UnsafeMutablePointer<ArrowArray>) {
    self.array = array
    rows = Int(array.pointee.length)
  }

  deinit {
    if let release = array.pointee.release { release(array) }
    array.deallocate()
  }

  /// The texts of a column of texts or times, by its place in the selection; valid while the batch lives.
  package func texts(_ column: Int) -> ParquetTexts { ParquetTexts(child(column)) }

  /// Puts the bytes of each row's text into `target`, none for a null; valid while the batch lives.
  package func fill(_ target: UnsafeMutablePointer<UnsafeRawBufferPointer>, texts column: Int) {
    let texts = texts(column)
    for row in 0..<rows { target[row] = texts[row] ?? UnsafeRawBufferPointer(start: nil, count: 0) }
  }

  /// The vectors of a column of vectors, by its place in the selection; valid while the batch lives.
  package func vectors(_ column: Int) -> ParquetVectors { ParquetVectors(child(column)) }

  private func child(_ column: Int) -> ArrowArray {
    guard let child = array.pointee.children?[column] else { preconditionFailure("column \(column) was not checked") }
    return child.pointee
  }

  /// What is wrong with the arrays, if anything: every place that is read later is compared with its buffer here.
  ///
  /// Arrow's interface does not say how long buffers are. By the library's contract they are as long as the last offset, which it has
  /// validated against their length, so no offset may be beyond the last one.
  func check(_ kinds: [ParquetColumn.Kind]) -> String? {
    let top = array.pointee
    guard top.length >= 0, top.offset == 0, Int(top.n_children) == kinds.count, let children = top.children else {
      return "a batch of another shape"
    }
    for (index, kind) in kinds.enumerated() {
      guard let child = children[index]?.pointee else { return "a column without values" }
      guard Self.hasOffsets(child, rows: rows, buffers: kind == .vector ? 2 : 3) else { return "offsets that do not rise" }
      if kind == .vector, !Self.hasValues(child) { return "vectors without numbers" }
    }
    return nil
  }

  private static func hasOffsets(_ array: ArrowArray, rows: Int, buffers: Int) -> Bool {
    guard array.length == rows, array.offset >= 0, Int(array.n_buffers) == buffers, let all = array.buffers else { return false }
    guard array.null_count == 0 || all[0] != nil || rows == 0 else { return false }
    guard rows > 0 else { return true }
    guard let offsets = all[1]?.assumingMemoryBound(to: Int32.self) else { return false }
    let first = Int(array.offset)
    var previous = offsets[first]
    guard previous >= 0 else { return false }
    for index in first..<first + rows {
      let next = offsets[index + 1]
      guard next >= previous else { return false }
      previous = next
    }
    return buffers == 2 || all[2] != nil || previous == offsets[first]
  }

  private static func hasValues(_ list: ArrowArray) -> Bool {
    guard list.n_children == 1, let values = list.children?[0]?.pointee, values.offset >= 0, values.n_buffers == 2 else {
      return false
    }
    guard list.length > 0 else { return true }
    guard let offsets = list.buffers[1]?.assumingMemoryBound(to: Int32.self) else { return false }
    let count = Int(offsets[Int(list.offset + list.length)])
    guard count <= values.length, values.null_count == 0 || values.buffers[0] != nil else { return false }
    return count == 0 || values.buffers[1] != nil
  }
}

/// A column of texts.
package struct ParquetTexts {
  private let offsets: UnsafePointer<Int32>?
  private let bytes: UnsafeRawPointer?
  private let validity: Validity

  init(_ array: ArrowArray) {
    offsets = array.buffers[1].map { $0.assumingMemoryBound(to: Int32.self) + Int(array.offset) }
    bytes = array.buffers[2]
    validity = Validity(array)
  }

  /// The bytes of a row's text, which may be no UTF-8; nil = null.
  @inline(__always)
  package subscript(row: Int) -> UnsafeRawBufferPointer? {
    guard validity[row], let offsets else { return nil }
    let (start, end) = (Int(offsets[row]), Int(offsets[row + 1]))
    guard end > start, let bytes else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: bytes + start, count: end - start)
  }
}

/// A column of vectors.
package struct ParquetVectors {
  private let offsets: UnsafePointer<Int32>?
  private let values: UnsafePointer<Float>?
  private let validity: Validity
  private let valueValidity: Validity

  init(_ array: ArrowArray) {
    guard let child = array.children?[0]?.pointee else { preconditionFailure("a column of vectors was not checked") }
    offsets = array.buffers[1].map { $0.assumingMemoryBound(to: Int32.self) + Int(array.offset) }
    values = child.buffers[1].map { $0.assumingMemoryBound(to: Float.self) + Int(child.offset) }
    validity = Validity(array)
    valueValidity = Validity(child)
  }

  /// A row's numbers; nil when the row or a number in it is null.
  package subscript(row: Int) -> UnsafeBufferPointer<Float>? {
    guard validity[row], let offsets else { return nil }
    let (start, end) = (Int(offsets[row]), Int(offsets[row + 1]))
    guard end > start, let values else { return UnsafeBufferPointer(start: nil, count: 0) }
    guard valueValidity.isWhole || (start..<end).allSatisfy({ valueValidity[$0] }) else { return nil }
    return UnsafeBufferPointer(start: values + start, count: end - start)
  }
}

/// Which values of an array are there: a bit each, the lowest first.
private struct Validity {
  private let bits: UnsafePointer<UInt8>?
  private let offset: Int

  init(_ array: ArrowArray) {
    bits = array.null_count == 0 ? nil : array.buffers[0]?.assumingMemoryBound(to: UInt8.self)
    offset = Int(array.offset)
  }

  /// Whether all values are there.
  var isWhole: Bool { bits == nil }

  @inline(__always)
  subscript(index: Int) -> Bool {
    guard let bits else { return true }
    let place = offset + index
    return bits[place >> 3] >> UInt8(place & 7) & 1 == 1
  }
}
