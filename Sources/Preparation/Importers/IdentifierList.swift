import Datasets
import Files
import Parquet

/// Ids of a file, one a line, or a row of the column `user` or `item` of a Parquet file (or of its only column).
package final class IdentifierList {
  private let reader: Reader
  /// Whose ids these are.
  private let column: Column

  private enum Reader {
    case lines(LineReader)
    case rows(any RowSource, Row)
  }

  /// Opens a file (`.gz`, `-`, `.parquet`) or a folder of Parquet files with the ids of users or items, as `column` says.
  ///
  /// Throws `InputError` when it cannot be read.
  package init(path: String, of column: Column) throws {
    self.column = column
    let files = try InputFiles.expand([path], isFormatGiven: false)
    guard files.contains(where: { InputFormat(ofFile: $0.path) == .parquet }) else {
      guard let file = files.first, files.count == 1 else {
        throw InputError("\(path) has several files; name one, or a folder of Parquet files")
      }
      try Importer.refuseParquet(file.path, isList: true)
      reader = .lines(try LineReader(path: file.path))
      return
    }
    reader = .rows(try ChainedSource(files.map { file in { try Self.rows(file.path, column) } }), Row())
  }

  /// The ids of a Parquet file.
  private static func rows(_ path: String, _ column: Column) throws -> any RowSource {
    let file = try ParquetFile(path: path)
    var names = ColumnNames()
    if file.columns.count == 1 { names[column] = file.columns[0].name }
    return try ParquetSource(
      file, layouts: [RowLayout(names, required: [column], optional: [])], timeUnit: .seconds, advice: Importer.listAdvice)
  }

  /// The file, for messages.
  package var path: String {
    switch reader {
    case .lines(let lines): lines.path
    case .rows(let source, _): source.path
    }
  }

  /// The next id, or nil at the end; empty lines are passed over, rows without an id are not.
  ///
  /// Throws `InputError` for a line that is no id.
  package func next() throws -> String? {
    switch reader {
    case .lines(let lines):
      while let line = try lines.next() {
        if !line.isEmpty { return try id(line, "\(path):\(lines.lineNumber)", "line") }
      }
      return nil
    case .rows(let source, let row):
      if case .end = try source.next(row) { return nil }
      return try id(row[column], source.place, "row")
    }
  }

  private func id(_ bytes: UnsafeRawBufferPointer, _ place: String, _ unit: String) throws -> String {
    if let problem = IdentifierCheck.problem(bytes, column.rawValue, isPrepared: true) {
      throw InputError("\(place): \(problem.detail) (\(problem.kind.rawValue)); fix the \(unit)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// User and item ids of a file, pair by pair in its order, in constant memory.
package final class IdentifierPairs {
  private let source: any RowSource
  private let row = Row()

  /// Opens a file (`.gz`, `-`, `.parquet`) or a folder of files with the columns user and item; others are passed over.
  ///
  /// Throws `InputError` when it cannot be read or lacks a column.
  package init(path: String) throws {
    source = try Importer.list(path, [.user, .item])
  }

  /// The file, for messages.
  package var path: String { source.path }
  /// The file and the pair in it that `next` returned last, for messages.
  package var place: String { source.place }

  /// The next pair, or nil at the end.
  ///
  /// Throws `InputError` for a row that is none.
  package func next() throws -> (user: String, item: String)? {
    let outcome = try source.next(row)
    if case .end = outcome { return nil }
    try checkRow(outcome, row[.user], "user", source, isPrepared: true)
    try checkRow(outcome, row[.item], "item", source, isPrepared: true)
    return (String(decoding: row[.user], as: UTF8.self), String(decoding: row[.item], as: UTF8.self))
  }
}
