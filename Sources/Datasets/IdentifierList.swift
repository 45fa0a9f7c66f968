import Files

/// Ids of a file, one a line.
public final class IdentifierList {
  private let reader: LineReader
  private let what: String

  /// Opens a file (`.gz`, `-`); `what` names an id in messages.
  ///
  /// Throws `InputError` when it cannot be read.
  public init(path: String, what: String) throws {
    reader = try LineReader(path: path)
    self.what = what
  }

  /// The file, for messages.
  public var path: String { reader.path }

  /// The next id, or nil at the end; empty lines are passed over.
  ///
  /// Throws `InputError` for a line that is no id.
  public func next() throws -> String? {
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
