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
  private(set) var lineNumber = 0
  private(set) var bytesRead = 0
  private let batches: ParquetBatches
  private let layout: RowLayout
  /// The slots of each column that is read; a column may be several fields.
  private let targets: [[Int]]
  private var batch: ParquetBatch?
  private var texts: [ParquetTexts] = []
  private var next = 0

  /// Opens the file and looks its columns up.
  ///
  /// Throws `InputError` when the file is damaged or a column is missing or of a nested type.
  init(path: String, layouts: [RowLayout], timeUnit: TimeUnit, advice: String? = nil) throws {
    let file = try ParquetFile(path: path)
    let found = FoundColumns(names: file.columns.map(\.name), subject: path, hint: nil)
    let positions: [(slot: Int, index: Int)]
    (layout, positions) = try found.choose(layouts, advice)
    for (_, index) in positions where file.columns[index].kind == .vector || file.columns[index].kind == .other {
      let column = file.columns[index]
      throw InputError("\(path): the column \(column.name) is of type \(column.type), which is no text, number or time")
    }
    guard !positions.isEmpty else { throw InputError("\(path) has none of the columns that are read") }
    let indices = Set(positions.map(\.index)).sorted()
    targets = indices.map { index in positions.filter { $0.index == index }.map(\.slot) }
    hasTypedTimes = positions.contains { $0.slot == Column.timestamp.index && file.columns[$0.index].kind == .time }
    self.timeUnit = hasTypedTimes ? .microseconds : timeUnit
    namesScenes = layout.givesScenes || positions.contains { $0.slot == Column.scene.index }
    self.path = path
    batches = try file.batches(indices)
  }

  var place: String { "\(path): row \(lineNumber)" }

  func next(_ row: Row) throws -> RowOutcome {
    while next >= batch?.rows ?? 0 {
      guard let more = try batches.next() else { return .end }
      texts = targets.indices.map { more.texts($0) }
      (batch, next) = (more, 0)
    }
    for (column, places) in targets.enumerated() {
      let text = texts[column][next] ?? UnsafeRawBufferPointer(start: nil, count: 0)
      bytesRead += text.count
      for place in places { row.set(place, text) }
    }
    (next, lineNumber) = (next + 1, lineNumber + 1)
    layout.finish(row)
    return .row
  }
}
