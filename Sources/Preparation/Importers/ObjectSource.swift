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
  /// The layouts with the place in `keys` of each of their fields, and which of them the rows have; nil before a row that fits one.
  private let layouts: [(layout: RowLayout, places: [Int])]
  private var chosen: Int?
  /// The keys that are looked for, each once; a key may be several fields.
  private let keys: [String]
  private var scanner: ObjectScanner
  private let isList: Bool
  /// Whether no line was read, and no object.
  private var (isFirst, isFirstObject) = (true, true)

  /// Opens the file.
  ///
  /// Keys of a layout's required fields must stand in every row; others need not. Of several layouts the first counts whose
  /// required keys a row has, and the first row that has those of any decides. `advice` is given where the format follows
  /// the file's name only.
  init(
    path: String, layouts: [RowLayout], timeUnit: TimeUnit, isPython: Bool = false, scene: String? = nil,
    behavior: String = "default", advice: String? = nil
  ) throws {
    reader = try LineReader(path: path)
    self.path = reader.path
    self.timeUnit = timeUnit
    defaultScene = scene ?? "default"
    defaultBehavior = behavior
    namesScenes = scene != nil || layouts.contains { $0.givesScenes || $0.fields.contains { $0.column == .scene } }
    var keys: [String] = []
    self.layouts = layouts.map { layout in
      let places = layout.fields.map { field in
        if let known = keys.firstIndex(ofIdentifier: field.name) { return known }
        keys.append(field.name)
        return keys.count - 1
      }
      return (layout, places)
    }
    self.keys = keys
    scanner = ObjectScanner(keys: keys, isPython: isPython)
    isList = advice != nil
  }

  var lineNumber: Int { reader.lineNumber }
  var bytesRead: Int { reader.bytesRead }

  func fill(_ row: Row) throws -> RowOutcome {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      defer { isFirst = false }
      do {
        try scanner.scan(line)
      } catch let problem as ObjectScanner.Malformed {
        if isFirst { try checkFormat(line) }
        return .bad(BadRow(kind: .json, detail: problem.detail))
      }
      defer { isFirstObject = false }
      chosen = chosen ?? fitting()
      let (layout, places) = layouts[chosen ?? 0]
      for (field, place) in zip(layout.fields, places) {
        let value = scanner.bytes(place)
        if value == nil && field.isRequired { return .bad(missing(keys[place], line)) }
        row.set(field.slot, value ?? UnsafeRawBufferPointer(start: nil, count: 0))
      }
      layout.finish(row)
      return .row
    }
    return .end
  }

  /// The layout whose required keys the row has.
  private func fitting() -> Int? {
    layouts.firstIndex { layout, places in
      zip(layout.fields, places).allSatisfy { !$0.isRequired || scanner.bytes($1) != nil }
    }
  }

  /// Throws `InputError` when the first line is none of this format but of another.
  private func checkFormat(_ line: UnsafeRawBufferPointer) throws {
    guard let hint = FormatHint.of(line, readAs: .jsonl, wanted: keys, path: path, isList: isList) else { return }
    throw InputError("\(path):\(lineNumber): this is no JSON object: \(hint)")
  }

  private func missing(_ key: String, _ line: UnsafeRawBufferPointer) -> BadRow {
    let lack = "no text or number at \"\(key)\""
    guard isFirstObject, !isList else { return BadRow(kind: .missing, detail: lack) }
    let releases = [("amazon-2014", ["reviewerID", "asin"]), ("amazon-2023", ["user_id", "parent_asin"])]
    let release = releases.first { _, names in
      var probe = ObjectScanner(keys: names, isPython: false)
      guard (try? probe.scan(line)) != nil else { return false }
      return names.indices.allSatisfy { probe.bytes($0) != nil && !keys.contains(names[$0]) }
    }
    return BadRow(kind: .missing, detail: lack + (release.map { "; is this a file of Amazon's (--format \($0.0))?" } ?? ""))
  }
}
