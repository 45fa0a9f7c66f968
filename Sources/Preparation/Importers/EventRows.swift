package import Datasets
import Files

/// Events of a file, row by row in its order, in constant memory: those that are asked about rather than prepared.
///
/// Only the item has to stand in a row. Without a user all rows are one anonymous visit's; without a time they are of now.
package final class EventRows {
  /// One row.
  package struct Event {
    /// The user; nil in a file without users.
    package let user: String?
    /// The item.
    package let item: String
    /// Microseconds since 1970-01-01 UTC; nil in a file without times.
    package let time: Int64?
    /// The scene; nil where the row names none.
    package let scene: String?
    /// The behavior; nil where the row names none.
    package let behavior: String?
    /// The file and line, or row, for messages.
    package let place: String
  }

  private let source: any RowSource
  private let row = Row()
  /// Whether rows have users and times: as the first one does; nil before it.
  private var hasUsers: Bool?
  private var hasTimes: Bool?

  /// Opens a file (`.gz`, `-`, `.parquet`) or a folder of files with the column item, and perhaps user, timestamp, scene and behavior.
  ///
  /// Throws `InputError` when it cannot be read or lacks a column.
  package init(path: String, columns: ColumnNames, timeUnit: TimeUnit) throws {
    source = try Importer.list(
      path, layouts: [RowLayout(columns, required: [.item], optional: [.user, .timestamp, .scene, .behavior])], timeUnit: timeUnit,
      advice: "name the columns with --columns (item=NAME)")
  }

  /// The file, for messages.
  package var path: String { source.path }

  /// The next event, or nil at the end.
  ///
  /// Throws `InputError` for a row that is none.
  package func next() throws -> Event? {
    let outcome = try source.next(row)
    if case .end = outcome { return nil }
    try checkRow(outcome, row[.item], "item", source, isPrepared: true)
    let (user, time) = (row[.user], row[.timestamp])
    hasUsers = hasUsers ?? !user.isEmpty
    hasTimes = hasTimes ?? !time.isEmpty
    let place = source.place
    guard hasUsers == !user.isEmpty else {
      throw InputError(
        "\(place): the row has \(user.isEmpty ? "no user" : "a user"), unlike the first; give all rows one, or none")
    }
    if !user.isEmpty { try checkRow(outcome, user, "user", source, isPrepared: true) }
    return Event(
      user: text(user), item: String(decoding: row[.item], as: UTF8.self), time: try microseconds(time, place),
      scene: text(row[.scene]), behavior: text(row[.behavior]), place: place)
  }

  private func text(_ bytes: UnsafeRawBufferPointer) -> String? { bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }

  private func microseconds(_ text: UnsafeRawBufferPointer, _ place: String) throws -> Int64? {
    guard hasTimes == !text.isEmpty else {
      throw InputError(
        "\(place): the row has \(text.isEmpty ? "no time" : "a time"), unlike the first; give all rows one, or none")
    }
    guard !text.isEmpty else { return nil }
    guard case .success(let time) = Timestamp.parse(text, unit: source.timeUnit) else {
      throw InputError(
        "\(place): the timestamp \(excerpt(text)) is no time in \(source.timeUnit.rawValue) and no ISO 8601; fix the row or give "
          + "--time-unit")
    }
    return time
  }
}
