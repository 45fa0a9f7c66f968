package import Datasets
import Files

/// One input row as slices of bytes, by column; valid until the source's next row.
///
/// After a row that is bad, and at the end, it is empty (``RowSource/next(_:)``).
package final class Row {
  private let fields: UnsafeMutablePointer<UnsafeRawBufferPointer>
  /// No slot from here on holds bytes.
  private var end = 0

  init() {
    fields = .allocate(capacity: RowLayout.slots)
    fields.initialize(repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: RowLayout.slots)
  }

  deinit { fields.deallocate() }

  /// The bytes of a column; empty when the row has none.
  package subscript(column: Column) -> UnsafeRawBufferPointer {
    get { fields[column.index] }
    set { set(column.index, newValue) }
  }

  /// The same by slot: `Column.index`, or behind all columns a part of a joined one (`RowLayout`).
  @inline(__always)
  func set(_ index: Int, _ value: UnsafeRawBufferPointer) {
    fields[index] = value
    end = max(end, index + 1)
  }

  /// The bytes in a slot.
  @inline(__always) func value(_ index: Int) -> UnsafeRawBufferPointer { fields[index] }

  /// Makes every column and part empty.
  @inline(__always)
  func clear() {
    for index in 0..<end { fields[index] = UnsafeRawBufferPointer(start: nil, count: 0) }
    end = 0
  }
}

/// Why a row is refused.
package struct BadRow: Equatable {
  var kind: BadRowKind
  /// What was found, for people.
  var detail: String
  /// How many rows went with it: more than one when an open quote swallowed lines.
  var rows = 1
}

/// What a source found.
package enum RowOutcome {
  case row
  case bad(BadRow)
  case end
}

/// A file of rows in some format.
package protocol RowSource: AnyObject {
  /// The file, for messages.
  var path: String { get }
  /// Line on which the current row began, or the row's number where there are no lines.
  var lineNumber: Int { get }
  /// The file and the current row in it, for messages: `events.csv:7`, or `events.parquet: row 7`.
  var place: String { get }
  /// Bytes of text read so far.
  var bytesRead: Int { get }
  /// The unit of timestamps that are numbers.
  var timeUnit: TimeUnit { get }
  /// Whether the file itself says which unit its timestamps have, so that `--time-unit` is not about them.
  var hasTypedTimes: Bool { get }
  /// The scene of rows without one.
  var defaultScene: String { get }
  /// The behavior of rows without one.
  var defaultBehavior: String { get }
  /// Whether the file says which scene a row belongs to (by a column or its name).
  var namesScenes: Bool { get }
  /// Whether the rows are a data set's: item ids are the catalogue's own, scenes and behaviors are known.
  var isPrepared: Bool { get }
  /// Puts the fields of the next row into `row`, which is empty; for ``next(_:)`` alone. Throws `InputError` when the file itself is
  /// damaged.
  func fill(_ row: Row) throws -> RowOutcome
}

extension RowSource {
  package var place: String { "\(path):\(lineNumber)" }
  package var hasTypedTimes: Bool { false }
  package var timeUnit: TimeUnit { .seconds }
  package var defaultScene: String { "default" }
  package var defaultBehavior: String { "default" }
  package var isPrepared: Bool { false }

  /// Reads the next row into `row`.
  ///
  /// What a row held before is gone whatever the source fills, so no slice outlives the bytes that it is of: not in the columns that the
  /// next of several files lacks, and not where a row is bad or none has come.
  ///
  /// Throws `InputError` when the file itself is damaged.
  @inline(__always)
  package func next(_ row: Row) throws -> RowOutcome {
    row.clear()
    let outcome = try fill(row)
    if case .row = outcome { return outcome }
    row.clear()
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

  func fill(_ row: Row) throws -> RowOutcome {
    while true {
      let outcome = try source.next(row)
      guard case .end = outcome, let open = rest.popFirst() else { return outcome }
      bytesBefore += source.bytesRead
      source = try open()
    }
  }
}
