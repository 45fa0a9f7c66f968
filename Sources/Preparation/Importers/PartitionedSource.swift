import Datasets
import Files

/// The rows of a file with the columns that the names of its folders say: `behavior=buy/part-0.parquet`.
final class PartitionedSource: RowSource {
  private let source: any RowSource
  private let values = ByteBuffer()
  private var columns: [(column: Column, range: Range<Int>)] = []

  /// Adds columns to a source that does not have them; a null value is an empty field.
  init(_ source: any RowSource, _ given: [(column: Column, value: String?)]) {
    self.source = source
    for (column, value) in given {
      let start = values.count
      for byte in (value ?? "").utf8 { values.append(byte) }
      columns.append((column, start..<values.count))
    }
  }

  var path: String { source.path }
  var place: String { source.place }
  var lineNumber: Int { source.lineNumber }
  var bytesRead: Int { source.bytesRead }
  var timeUnit: TimeUnit { source.timeUnit }
  var hasTypedTimes: Bool { source.hasTypedTimes }
  var defaultScene: String { source.defaultScene }
  var defaultBehavior: String { source.defaultBehavior }
  var namesScenes: Bool { source.namesScenes || columns.contains { $0.column == .scene } }

  func next(_ row: Row) throws -> RowOutcome {
    let outcome = try source.next(row)
    for (column, range) in columns { row[column] = values[range] }
    return outcome
  }
}

/// The rows of several files one after another, for lists that a command reads as one.
final class ChainedSource: RowSource {
  private var source: any RowSource
  private var rest: ArraySlice<() throws -> any RowSource>
  private var bytesBefore = 0

  /// Opens the first of the files, of which there is at least one.
  init(_ files: [() throws -> any RowSource]) throws {
    precondition(!files.isEmpty, "no file to read")
    source = try files[0]()
    rest = files.dropFirst()
  }

  var path: String { source.path }
  var place: String { source.place }
  var lineNumber: Int { source.lineNumber }
  var bytesRead: Int { bytesBefore + source.bytesRead }
  var timeUnit: TimeUnit { source.timeUnit }
  var hasTypedTimes: Bool { source.hasTypedTimes }
  var defaultScene: String { source.defaultScene }
  var defaultBehavior: String { source.defaultBehavior }
  var namesScenes: Bool { source.namesScenes }

  func next(_ row: Row) throws -> RowOutcome {
    while true {
      let outcome = try source.next(row)
      guard case .end = outcome, let open = rest.popFirst() else { return outcome }
      bytesBefore += source.bytesRead
      source = try open()
    }
  }
}
