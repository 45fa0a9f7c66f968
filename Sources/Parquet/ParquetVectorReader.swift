import Files

/// Reads a table of vectors with their ids, batch by batch: a column of ids and one of lists of floating-point numbers.
///
/// All vectors have the width of the first one. Memory is that of a batch.
package final class ParquetVectorReader {
  /// The file's path, for messages.
  package let path: String
  /// The rows that are there in all of the file's row groups.
  package let rowCount: Int
  /// The numbers of a vector; nil before the first row.
  package private(set) var width: Int?
  private let batches: ParquetBatches
  private let names: (id: String, vector: String)
  private var row = 0

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - id: the column of ids: texts or numbers.
  ///   - vector: the column of vectors; nil = the only one that the file has.
  ///   - groups: the row groups to read; nil = all.
  /// - Throws: `InputError` when the file is damaged, or has no such columns.
  package init(path: String, id: String = "id", vector: String? = nil, groups: Range<Int>? = nil) throws {
    let file = try ParquetFile(path: path)
    (self.path, rowCount) = (path, file.rowCount)
    let columns = file.columns
    let known = columns.prefix(20).map(\.name).joined(separator: ", ")
    guard let idIndex = try file.index(of: id) else { throw InputError("\(path) has no column \(id), only \(known)") }
    guard columns[idIndex].kind == .text else {
      throw InputError("\(path): the column \(id) is of type \(columns[idIndex].type), which is no id")
    }
    let vectors = columns.indices.filter { columns[$0].kind == .vector }
    guard let vectorIndex = try vector.map(file.index) ?? (vectors.count == 1 ? vectors[0] : nil) else {
      let lack = vector ?? (vectors.isEmpty ? "of vectors" : "of vectors that is the only one")
      throw InputError("\(path) has no column \(lack), only \(known)")
    }
    guard columns[vectorIndex].kind == .vector else {
      let column = columns[vectorIndex]
      throw InputError("\(path): the column \(column.name) is of type \(column.type); lists of float or double are wanted")
    }
    names = (id, columns[vectorIndex].name)
    batches = try file.batches([idIndex, vectorIndex], groups: groups, maximumRows: 1 << 12)
  }

  /// Hands the rows of the next batch to `take`, whose arguments are valid during the call only; false at the end.
  ///
  /// Throws `InputError` when the file is damaged, an id or a vector is null or no text, or a vector has another width.
  package func next(_ take: (_ id: String, _ vector: UnsafeBufferPointer<Float>) throws -> Void) throws -> Bool {
    guard let batch = try batches.next() else { return false }
    let (ids, vectors) = (batch.texts(0), batch.vectors(1))
    for index in 0..<batch.rows {
      row += 1
      guard let bytes = ids[index], let id = String(validating: bytes, as: UTF8.self) else {
        throw InputError("\(path): row \(row): the column \(names.id) is null or not UTF-8")
      }
      guard let vector = vectors[index] else {
        throw InputError("\(path): row \(row): the column \(names.vector) is null or has a null in it")
      }
      let width = self.width ?? vector.count
      guard vector.count == width else {
        throw InputError("\(path): row \(row): the column \(names.vector) has \(vector.count) numbers, row 1 has \(width)")
      }
      self.width = width
      try take(id, vector)
    }
    return true
  }
}
