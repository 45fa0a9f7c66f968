import Datasets
import Files

/// Rows that are objects a line: JSONL, and the review and metadata files of the Amazon releases.
final class ObjectSource: RowSource {
  let path: String
  let timeUnit: TimeUnit
  let defaultScene: String
  let defaultBehavior: String
  let namesScenes: Bool
  private let reader: LineReader
  private let columns: [Column]
  /// The keys that are looked for, each once; a key may be several columns.
  private let keys: [String]
  /// The place in `keys` of each column.
  private let indices: [Int]
  private let required: Int
  private var scanner: ObjectScanner
  private let isList: Bool
  private var isFirst = true

  /// Opens the file.
  ///
  /// Keys of `required` columns must stand in every row; those of `optional` need not. `advice` is given where the format follows the
  /// file's name only.
  init(
    path: String, columns: ColumnNames, required: [Column], optional: [Column], timeUnit: TimeUnit, isPython: Bool = false,
    scene: String? = nil, behavior: String = "default", advice: String? = nil
  ) throws {
    reader = try LineReader(path: path)
    self.path = reader.path
    self.timeUnit = timeUnit
    defaultScene = scene ?? "default"
    defaultBehavior = behavior
    namesScenes = scene != nil || optional.contains(.scene)
    self.columns = required + optional
    var (keys, indices): ([String], [Int]) = ([], [])
    for column in self.columns {
      let key = columns[column]
      indices.append(keys.firstIndex(ofIdentifier: key) ?? keys.count)
      if indices.last == keys.count { keys.append(key) }
    }
    (self.keys, self.indices) = (keys, indices)
    self.required = required.count
    scanner = ObjectScanner(keys: keys, isPython: isPython)
    isList = advice != nil
  }

  var lineNumber: Int { reader.lineNumber }
  var bytesRead: Int { reader.bytesRead }

  func next(_ row: Row) throws -> RowOutcome {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      defer { isFirst = false }
      do {
        try scanner.scan(line)
      } catch let problem as ObjectScanner.Malformed {
        if isFirst { try checkFormat(line) }
        return .bad(BadRow(kind: .json, detail: problem.detail))
      }
      for (index, column) in columns.enumerated() {
        let value = scanner.bytes(indices[index])
        if value == nil && index < required { return .bad(missing(keys[indices[index]], line)) }
        row[column] = value ?? UnsafeRawBufferPointer(start: nil, count: 0)
      }
      return .row
    }
    return .end
  }

  /// Throws `InputError` when the first line is none of this format but of another.
  private func checkFormat(_ line: UnsafeRawBufferPointer) throws {
    guard let hint = FormatHint.of(line, readAs: .jsonl, wanted: keys, path: path, isList: isList) else { return }
    throw InputError("\(path):\(lineNumber): this is no JSON object: \(hint)")
  }

  private func missing(_ key: String, _ line: UnsafeRawBufferPointer) -> BadRow {
    let lack = "no text or number at \"\(key)\""
    guard isFirst, !isList else { return BadRow(kind: .missing, detail: lack) }
    let releases = [("amazon-2014", ["reviewerID", "asin"]), ("amazon-2023", ["user_id", "parent_asin"])]
    let release = releases.first { _, names in
      var probe = ObjectScanner(keys: names, isPython: false)
      guard (try? probe.scan(line)) != nil else { return false }
      return names.indices.allSatisfy { probe.bytes($0) != nil && !keys.contains(names[$0]) }
    }
    return BadRow(kind: .missing, detail: lack + (release.map { "; is this a file of Amazon's (--format \($0.0))?" } ?? ""))
  }
}
