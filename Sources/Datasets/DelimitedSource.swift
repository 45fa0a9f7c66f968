import Files

/// CSV (RFC 4180) and TSV with a header.
///
/// CSV fields that begin with a quote may hold commas, doubled quotes and line ends (which become `\n`); TSV has no quoting. Empty lines are
/// no rows. Every row must have as many fields as the header.
final class DelimitedSource: RowSource {
  let path: String
  let timeUnit: Int64
  private(set) var lineNumber = 0
  private let reader: LineReader
  private let delimiter: UInt8
  private let isQuoted: Bool
  private var record = QuotedRecord()
  /// `Column.index` of each field of the file, -1 = not wanted.
  private let targets: UnsafeMutablePointer<Int>
  private let fieldCount: Int
  let namesScenes: Bool

  /// Opens the file and reads its header.
  ///
  /// Throws `InputError` when a required column is missing, listing those that were found and, unless `advice` says something
  /// else, the option that names columns.
  init(
    path: String, format: InputFormat, columns: ColumnNames, required: [Column], optional: [Column], timeUnit: TimeUnit,
    advice: String? = nil
  ) throws {
    reader = try LineReader(path: path)
    self.path = reader.path
    self.timeUnit = timeUnit.microseconds
    delimiter = format == .tsv ? 0x09 : 0x2C
    isQuoted = format == .csv
    let header = try DelimitedSource.header(reader, delimiter: delimiter, isQuoted: isQuoted)
    let places = try DelimitedSource.places(header, columns, required, optional, advice, path: self.path)
    fieldCount = header.count
    targets = .allocate(capacity: header.count)
    targets.initialize(repeating: -1, count: header.count)
    for (column, place) in places { targets[place] = column.index }
    namesScenes = places[.scene] != nil
  }

  deinit { targets.deallocate() }

  var bytesRead: Int { reader.bytesRead }

  func next(_ row: Row) throws -> RowOutcome {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      lineNumber = reader.lineNumber
      return try split(line, row)
    }
    return .end
  }

  /// The quick way: cuts the line at delimiters; leaves it to `QuotedRecord` at the first quoted field.
  private func split(_ line: UnsafeRawBufferPointer, _ row: Row) throws -> RowOutcome {
    guard let base = line.baseAddress else { return .end }
    let (count, delimiter, wanted) = (line.count, delimiter, fieldCount)
    var (field, start) = (0, 0)
    while true {
      if isQuoted && start < count && base.load(fromByteOffset: start, as: UInt8.self) == 0x22 {
        return try splitQuoted(line, row)
      }
      var end = start
      while end < count && base.load(fromByteOffset: end, as: UInt8.self) != delimiter { end += 1 }
      if field < wanted && targets[field] >= 0 {
        row.set(targets[field], UnsafeRawBufferPointer(start: base + start, count: end - start))
      }
      field += 1
      if end == count { break }
      start = end + 1
    }
    return field == wanted ? .row : .bad(wrongCount(field))
  }

  private func splitQuoted(_ line: UnsafeRawBufferPointer, _ row: Row) throws -> RowOutcome {
    if let problem = try record.read(line, reader, delimiter: delimiter) { return .bad(problem) }
    guard record.count == fieldCount else { return .bad(wrongCount(record.count)) }
    for field in 0..<fieldCount where targets[field] >= 0 { row.set(targets[field], record[field]) }
    return .row
  }

  private func wrongCount(_ found: Int) -> BadRow {
    BadRow(kind: .fieldCount, detail: "\(found) fields, the header has \(fieldCount)")
  }

  private static func header(_ reader: LineReader, delimiter: UInt8, isQuoted: Bool) throws -> [String] {
    guard let line = try reader.next(), !line.isEmpty else {
      throw InputError("\(reader.path):1: there is no header; the first line must name the columns")
    }
    var record = QuotedRecord()
    if let problem = try record.read(line, isQuoted ? reader : nil, delimiter: delimiter, isQuoted: isQuoted) {
      throw InputError("\(reader.path):1: the header has \(problem.kind.rawValue)")
    }
    return (0..<record.count).map { field in
      let name = String(decoding: record[field], as: UTF8.self)
      return String(name.trimmingPrefix { $0 == " " }.reversed().trimmingPrefix { $0 == " " }.reversed())
    }
  }

  private static func places(
    _ header: [String], _ columns: ColumnNames, _ required: [Column], _ optional: [Column], _ advice: String?,
    path: String
  ) throws -> [Column: Int] {
    var places: [Column: Int] = [:]
    var missing: [String] = []
    for column in required + optional {
      let found = header.indices.filter { header[$0] == columns[column] }
      guard found.count < 2 else { throw InputError("\(path):1: the column \(columns[column]) stands in the header twice") }
      places[column] = found.first
      if found.isEmpty && (required.contains(column) || columns.isChosen(column)) { missing.append(columns[column]) }
    }
    guard missing.isEmpty else {
      throw InputError(
        "\(path):1: the header has no column \(missing.joined(separator: ", ")), only \(header.joined(separator: ", ")); "
          + (advice ?? "name the columns with --columns (such as user=\(header[0]))"))
    }
    return places
  }
}
