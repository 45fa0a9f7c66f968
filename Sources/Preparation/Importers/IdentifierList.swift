import Datasets
import Files

/// Ids of a file, one a line.
package final class IdentifierList {
  private let reader: LineReader
  private let what: String

  /// Opens a file (`.gz`, `-`); `what` names an id in messages.
  ///
  /// Throws `InputError` when it cannot be read.
  package init(path: String, what: String) throws {
    reader = try LineReader(path: path)
    self.what = what
  }

  /// The file, for messages.
  package var path: String { reader.path }

  /// The next id, or nil at the end; empty lines are passed over.
  ///
  /// Throws `InputError` for a line that is no id.
  package func next() throws -> String? {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      if let problem = IdentifierCheck.problem(line, what, isPrepared: true) {
        throw InputError("\(path):\(reader.lineNumber): \(problem.detail) (\(problem.kind.rawValue)); fix the line")
      }
      return String(decoding: line, as: UTF8.self)
    }
    return nil
  }
}

/// User and item ids of a file, pair by pair in its order, in constant memory.
package final class IdentifierPairs {
  private let source: any RowSource
  private let row = Row()

  /// Opens a file (`.gz`, `-`) with the columns user and item; others are passed over.
  ///
  /// Throws `InputError` when it cannot be read or lacks a column.
  package init(path: String) throws {
    source = try InputFormat(ofFile: path).source(path, [.user, .item])
  }

  /// The file, for messages.
  package var path: String { source.path }
  /// The line of the pair that `next` returned last.
  package var lineNumber: Int { source.lineNumber }

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
