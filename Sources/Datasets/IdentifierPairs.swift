import Files

/// User and item ids of a file, pair by pair in its order, in constant memory.
public final class IdentifierPairs {
  private let source: any RowSource
  private let row = Row()

  /// Opens a file (`.gz`, `-`) with the columns user and item; others are passed over.
  ///
  /// Throws `InputError` when it cannot be read or lacks a column.
  public init(path: String) throws {
    source = try InputFormat(ofFile: path).source(path, [.user, .item])
  }

  /// The file, for messages.
  public var path: String { source.path }
  /// The line of the pair that `next` returned last.
  public var lineNumber: Int { source.lineNumber }

  /// The next pair, or nil at the end.
  ///
  /// Throws `InputError` for a row that is none.
  public func next() throws -> (user: String, item: String)? {
    let outcome = try source.next(row)
    if case .end = outcome { return nil }
    try checkRow(outcome, row[.user], "user", source, isPrepared: true)
    try checkRow(outcome, row[.item], "item", source, isPrepared: true)
    return (String(decoding: row[.user], as: UTF8.self), String(decoding: row[.item], as: UTF8.self))
  }
}
