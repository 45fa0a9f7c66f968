import Files

/// Rows that are objects a line: JSONL, and the review and metadata files of the Amazon releases.
final class ObjectSource: RowSource {
  let path: String
  let timeUnit: Int64
  let defaultScene: String
  let defaultBehavior: String
  let namesScenes: Bool
  private let reader: LineReader
  private let columns: [Column]
  private let keys: [String]
  private let required: Int
  private var scanner: ObjectScanner

  /// Opens the file.
  ///
  /// Keys of `required` columns must stand in every row; those of `optional` need not.
  init(
    path: String, columns: ColumnNames, required: [Column], optional: [Column], timeUnit: TimeUnit, isPython: Bool = false,
    scene: String? = nil, behavior: String = "default"
  ) throws {
    reader = try LineReader(path: path)
    self.path = reader.path
    self.timeUnit = timeUnit.microseconds
    defaultScene = scene ?? "default"
    defaultBehavior = behavior
    namesScenes = scene != nil || optional.contains(.scene)
    self.columns = required + optional
    keys = self.columns.map { columns[$0] }
    self.required = required.count
    scanner = ObjectScanner(keys: keys, isPython: isPython)
  }

  var lineNumber: Int { reader.lineNumber }
  var bytesRead: Int { reader.bytesRead }

  func next(_ row: Row) throws -> RowOutcome {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      do {
        try scanner.scan(line)
      } catch let problem as ObjectScanner.Malformed {
        return .bad(BadRow(kind: .json, detail: problem.detail))
      }
      for (key, column) in columns.enumerated() {
        let value = scanner.bytes(key)
        if value == nil && key < required { return .bad(BadRow(kind: .missing, detail: "no text or number at \"\(keys[key])\"")) }
        row[column] = value ?? UnsafeRawBufferPointer(start: nil, count: 0)
      }
      return .row
    }
    return .end
  }
}
