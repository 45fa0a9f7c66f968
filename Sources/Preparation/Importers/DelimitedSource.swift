import Datasets
import Files

/// CSV (RFC 4180) and TSV with a header.
///
/// CSV fields that begin with a quote may hold commas, doubled quotes and line ends (which become `\n`); TSV has no quoting. Empty lines are
/// no rows. Every row must have as many fields as the header. A field may be several columns, in a fixed order.
final class DelimitedSource: RowSource {
  let path: String
  let timeUnit: TimeUnit
  private(set) var lineNumber = 0
  private let reader: LineReader
  private let delimiter: UInt8
  private let isQuoted: Bool
  private var record = QuotedRecord()
  /// The slot in a row of each field of the file, -1 = not wanted.
  private let targets: UnsafeMutablePointer<Int>
  /// Fields of the layout that stand in the same field as another one: the slot of that and their own.
  private let copies: [(from: Int, to: Int)]
  private let fieldCount: Int
  private let layout: RowLayout
  let namesScenes: Bool

  /// Opens the file and reads its header.
  ///
  /// `layouts` are tried in order: the first whose fields the header has counts.
  ///
  /// Throws `InputError` when a required column is missing, listing those that were found and, unless `advice` says something
  /// else, the option that names columns.
  init(path: String, format: InputFormat, layouts: [RowLayout], timeUnit: TimeUnit, advice: String? = nil) throws {
    reader = try LineReader(path: path)
    self.path = reader.path
    self.timeUnit = timeUnit
    delimiter = format == .tsv ? 0x09 : 0x2C
    isQuoted = format == .csv
    let wanted = layouts.flatMap { $0.fields.map(\.name) }
    let header = try Header(reader, format, delimiter: delimiter, wanted: wanted, isList: advice != nil)
    let positions: [(slot: Int, index: Int)]
    (layout, positions) = try header.choose(layouts, advice)
    fieldCount = header.names.count
    targets = .allocate(capacity: fieldCount)
    targets.initialize(repeating: -1, count: fieldCount)
    var copies: [(from: Int, to: Int)] = []
    for (slot, index) in positions {
      if targets[index] < 0 { targets[index] = slot } else { copies.append((targets[index], slot)) }
    }
    self.copies = copies
    namesScenes = layout.givesScenes || positions.contains { $0.slot == Column.scene.index }
  }

  deinit { targets.deallocate() }

  var bytesRead: Int { reader.bytesRead }

  func fill(_ row: Row) throws -> RowOutcome {
    while let line = try reader.next() {
      if line.isEmpty { continue }
      lineNumber = reader.lineNumber
      let outcome = try split(line, row)
      // The slices of a bad row may be of a line that is gone.
      guard case .row = outcome else { return outcome }
      for copy in copies { row.set(copy.to, row.value(copy.from)) }
      layout.finish(row)
      return outcome
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

  /// The first line, which names the columns.
  private struct Header {
    let names: [String]
    private let path: String
    /// What to say of a file that does not have the columns.
    private let hint: String?

    init(_ reader: LineReader, _ format: InputFormat, delimiter: UInt8, wanted: [String], isList: Bool) throws {
      path = reader.path
      guard let line = try reader.next(), !line.isEmpty else {
        throw InputError("\(reader.path):1: there is no header; the first line must name the columns")
      }
      let isOneLine = !line.contains(0x0D)
      hint =
        FormatHint.of(line, readAs: format, wanted: wanted, path: path, isList: isList)
        ?? (String(validating: line, as: UTF8.self) == nil ? "it is not UTF-8; is this a text file?" : nil)
      var record = QuotedRecord()
      let isQuoted = format == .csv
      if let problem = try record.read(line, isQuoted ? reader : nil, delimiter: delimiter, isQuoted: isQuoted) {
        throw InputError("\(path):1: the header has \(problem.kind.rawValue)" + (hint.map { ": \($0)" } ?? ""))
      }
      guard isOneLine else {
        throw InputError(
          "\(path):1: the lines end in carriage returns alone; convert it: tr '\\r' '\\n' < \(shellWord(path)) > \(shellWord(path + ".txt"))"
        )
      }
      names = (0..<record.count).map { String(decoding: trimmed(record[$0]), as: UTF8.self) }
    }

    /// The first layout that fits, and where its fields stand.
    ///
    /// Throws `InputError` about the first layout when none does.
    func choose(_ layouts: [RowLayout], _ advice: String?) throws -> (RowLayout, [(slot: Int, index: Int)]) {
      try FoundColumns(names: names, subject: "\(path):1: the header", hint: hint).choose(layouts, advice)
    }
  }
}
