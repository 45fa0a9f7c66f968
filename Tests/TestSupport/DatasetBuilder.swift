package import Datasets
import Files
package import Preparation

/// Makes a small data set from events in memory, through the same stages as `precise prepare`; for tests and embedded worlds.
///
/// ```
/// var builder = DatasetBuilder()
/// builder.addEvent(user: "u", item: "a", seconds: 1)
/// builder.addItem("a", text: "a title")
/// let dataset = try builder.write(to: "\(folder)/dataset")
/// ```
package struct DatasetBuilder {
  /// The rules; unlike `prepare`'s own, nobody is dropped for having few events, and there are 4 virtual shards.
  package var options = PreparationOptions()
  private var events: [[Column: String]] = []
  private var items: [[Column: String]] = []

  /// Starts without events.
  package init() {
    options.minimumUserEvents = 1
    options.minimumItemEvents = 1
    options.virtualShards = 4
    options.maximumBadRows = .count(0)
    options.mayLackTraining = true
  }

  /// Adds an event; the order of the calls is the file order.
  package mutating func addEvent(
    user: String, item: String, seconds: Int, scene: String = "default", behavior: String = "default"
  ) {
    events.append([.user: user, .item: item, .timestamp: String(seconds), .scene: scene, .behavior: behavior])
  }

  /// Adds an item's text, and a scene it is listed in.
  package mutating func addItem(_ id: String, text: String, scene: String? = nil) {
    items.append([.item: id, .text: text, .scene: scene ?? ""])
  }

  /// Writes the data set into a new folder and opens it.
  ///
  /// Throws `InputError` for ids that `prepare` would refuse.
  package func write(to path: String) throws -> Dataset {
    var options = options
    options.output = path
    options.interactions = ["memory"]
    if let problem = options.problems.first { throw InputError(problem) }
    let hasScenes = items.contains { $0[.scene] != "" }
    _ = try Preparation(options).run(
      interactions: [{ MemorySource(events, namesScenes: true) }], items: [{ MemorySource(items, namesScenes: hasScenes) }])
    return try Dataset(path: path)
  }
}

/// Rows in memory.
final class MemorySource: RowSource {
  let path = "memory"
  private(set) var lineNumber = 0
  let bytesRead = 0
  let namesScenes: Bool
  private let rows: [[Column: String]]
  private let buffer = ByteBuffer()

  init(_ rows: [[Column: String]], namesScenes: Bool) {
    self.rows = rows
    self.namesScenes = namesScenes
  }

  func fill(_ row: Row) -> RowOutcome {
    guard lineNumber < rows.count else { return .end }
    let values = rows[lineNumber]
    lineNumber += 1
    buffer.removeAll()
    var ranges: [(Column, Range<Int>)] = []
    for column in Column.allCases {
      let start = buffer.count
      for byte in (values[column] ?? "").utf8 { buffer.append(byte) }
      ranges.append((column, start..<buffer.count))
    }
    for (column, range) in ranges { row[column] = buffer[range] }
    return .row
  }
}
