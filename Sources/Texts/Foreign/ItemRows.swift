import Files

/// Which row of a file belongs to each item of a data set, found by the items' outside ids.
struct ItemRows {
  /// The row of each item; -1 for none.
  private(set) var rows: [Int]
  /// Ids of the file that the data set does not have.
  private(set) var unused = 0
  /// The first of these; nil when there is none.
  private(set) var firstUnused: String?

  /// Starts with no row for any of `count` items.
  init(count: Int) { rows = Array(repeating: -1, count: count) }

  /// Items that have no row.
  var missing: Int { rows.count { $0 < 0 } }

  /// Notes the row of an id; `place` is the file and the line that it stands at.
  ///
  /// - Returns: Whether the data set has such an item.
  /// - Throws: `InputError` for an id that stands twice.
  mutating func add(_ id: String, row: Int, _ items: some TextItems, at place: @autoclosure () -> String) throws -> Bool {
    let named = items.items(named: id)
    for item in named {
      guard rows[item] < 0 else { throw InputError("\(place()): item \"\(id)\" stands twice") }
      rows[item] = row
    }
    guard named.isEmpty else { return true }
    unused += 1
    if firstUnused == nil { firstUnused = id }
    return false
  }

  /// Reads a list of ids, a line each, that belong to the `count` rows of the file at `path`, in their order.
  ///
  /// - Throws: `InputError` for a line that is no id, an id that stands twice, and a list of another length.
  mutating func read(list: String, rows count: Int, of path: String, _ what: String, _ items: some TextItems) throws {
    let reader = try LineReader(path: list)
    var row = 0
    while let line = try reader.next() {
      guard let id = String(validating: line, as: UTF8.self), !id.isEmpty else {
        throw InputError("\(list):\(reader.lineNumber): an item id in UTF-8 is wanted on each line")
      }
      _ = try add(id, row: row, items, at: "\(list):\(reader.lineNumber)")
      row += 1
    }
    guard row == count else { throw InputError("\(list) has \(row) ids, but \(path) has the \(what) of \(count) items") }
  }

  /// Holds a list found beside a safetensors file against the checksum that the file carries, when it does.
  ///
  /// - Throws: `InputError` when the list is another.
  static func check(list: String, _ metadata: [String: String], _ what: String) throws {
    guard let expected = metadata["ids_crc32"] else { return }
    let found = hexadecimal(try CRC32.of(file: list))
    guard found == expected else {
      throw InputError("\(list) was not written with the \(what) (checksum \(found), not \(expected)); name another with --ids")
    }
  }
}
