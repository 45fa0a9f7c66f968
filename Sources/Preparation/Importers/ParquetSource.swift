import Datasets
import Files
import Parquet

/// The rows of a Parquet file.
///
/// Texts, numbers and moments arrive as text (`ParquetFile`); a null is an empty field. A column of moments or dates says its unit
/// itself, whatever `--time-unit` says of numbers. Only the wanted columns are read.
final class ParquetSource: RowSource {
  let path: String
  let timeUnit: TimeUnit
  let hasTypedTimes: Bool
  let namesScenes: Bool
  /// The number of the row that was read last, from 1.
  private(set) var lineNumber: Int
  private(set) var bytesRead = 0
  private let batches: ParquetBatches
  private let layout: RowLayout
  /// The batch that `fields` are slices of.
  private var batch: ParquetBatch?
  /// Rows of the batch, and which comes next.
  private var rows = 0
  private var next = 0
  /// The fields of a batch, column behind column: a call into the other target for each field would cost more than reading it.
  private let fields: UnsafeMutablePointer<UnsafeRawBufferPointer>
  /// For each wanted column, its place in the selection and in a row; a column of the file may be several.
  private let targets: UnsafeMutablePointer<(source: Int, target: Int)>
  private let targetCount: Int
  private let columnCount: Int

  private static let batchRows = 1 << 14

  /// Opens the file and looks its columns up.
  ///
  /// Throws `InputError` when the file is damaged or a column is missing or of a nested type.
  convenience init(
    path: String, layouts: [RowLayout], timeUnit: TimeUnit, groups: Range<Int>? = nil, advice: String? = nil
  ) throws {
    try self.init(ParquetFile(path: path), layouts: layouts, timeUnit: timeUnit, groups: groups, advice: advice)
  }

  /// Looks the columns of an open file up, which nobody else reads; with `groups`, only these row groups are read.
  ///
  /// Throws `InputError` when the file is damaged or a column is missing or of a nested type.
  init(
    _ file: ParquetFile, layouts: [RowLayout], timeUnit: TimeUnit, groups: Range<Int>? = nil, advice: String? = nil
  ) throws {
    let groups = groups ?? 0..<file.groupCount
    guard groups.upperBound <= file.groupCount else { throw InputError("\(file.path) has changed while it was read") }
    path = file.path
    let found = FoundColumns(names: file.columns.map(\.name), subject: path, hint: nil)
    let positions: [(slot: Int, index: Int)]
    (layout, positions) = try found.choose(layouts, advice)
    for (_, index) in positions where file.columns[index].kind == .vector || file.columns[index].kind == .other {
      let column = file.columns[index]
      throw InputError("\(path): the column \(column.name) is of type \(column.type), which is no text, number or time")
    }
    guard !positions.isEmpty else { throw InputError("\(path) has none of the columns that are read") }
    let indices = Set(positions.map(\.index)).sorted()
    (columnCount, targetCount) = (indices.count, positions.count)
    batches = try file.batches(indices, groups: groups, maximumRows: Self.batchRows)
    lineNumber = (0..<groups.lowerBound).reduce(0) { $0 + file.rows(ofGroup: $1) }
    targets = .allocate(capacity: targetCount)
    for (place, position) in positions.enumerated() {
      let source = indices.firstIndex(of: position.index) ?? 0
      (targets + place).initialize(to: (source, position.slot))
    }
    fields = .allocate(capacity: columnCount * Self.batchRows)
    fields.initialize(repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: columnCount * Self.batchRows)
    hasTypedTimes = positions.contains { $0.slot == Column.timestamp.index && file.columns[$0.index].kind == .time }
    self.timeUnit = hasTypedTimes ? .microseconds : timeUnit
    namesScenes = layout.givesScenes || positions.contains { $0.slot == Column.scene.index }
  }

  deinit {
    targets.deallocate()
    fields.deallocate()
  }

  var place: String { "\(path): row \(lineNumber)" }

  func fill(_ row: Row) throws -> RowOutcome {
    while next == rows { guard try readBatch() else { return .end } }
    for index in 0..<targetCount {
      let (source, target) = targets[index]
      let field = fields[source * Self.batchRows + next]
      bytesRead += field.count
      row.set(target, field)
    }
    (next, lineNumber) = (next + 1, lineNumber + 1)
    layout.finish(row)
    return .row
  }

  /// False at the end.
  private func readBatch() throws -> Bool {
    batch = try batches.next()
    guard let batch else { return false }
    guard batch.rows <= Self.batchRows else { throw InputError("\(path) is read in batches that are too large") }
    for column in 0..<columnCount { batch.fill(fields + column * Self.batchRows, texts: column) }
    (rows, next) = (batch.rows, 0)
    return true
  }
}
