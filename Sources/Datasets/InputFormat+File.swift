import Files

extension InputFormat {
  /// The format that a file's name tells: `.tsv` and `.jsonl`, with or without `.gz`; anything else is CSV.
  init(ofFile path: String) {
    let name = path.hasSuffix(".gz") ? path.dropLast(3) : path[...]
    self = name.hasSuffix(".tsv") ? .tsv : name.hasSuffix(".jsonl") ? .jsonl : .csv
  }

  /// A source of rows that have all these columns.
  func source(_ path: String, _ columns: [Column]) throws -> any RowSource {
    if self == .jsonl {
      return try ObjectSource(path: path, columns: ColumnNames(), required: columns, optional: [], timeUnit: .seconds)
    }
    return try DelimitedSource(
      path: path, format: self, columns: ColumnNames(), required: columns, optional: [], timeUnit: .seconds)
  }
}

/// Throws `InputError` with file and line when a row is bad or the id in it is.
func checkRow(_ outcome: RowOutcome, _ id: UnsafeRawBufferPointer, _ what: String, _ source: any RowSource) throws {
  var problem = IdentifierCheck.problem(id, what)
  if case .bad(let bad) = outcome { problem = bad }
  guard let problem else { return }
  throw InputError("\(source.path):\(source.lineNumber): \(problem.detail) (\(problem.kind.rawValue)); mend the row")
}
