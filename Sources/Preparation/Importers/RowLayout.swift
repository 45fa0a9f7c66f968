import Datasets
import Files

/// Which fields of a file make a row, where in ``Row`` each of them goes, and how several become one column.
///
/// Every source of rows that has named fields (CSV, TSV, JSONL, tables of columns) puts the fields into their slots and calls
/// ``finish(_:)``: the joining is here and nowhere else. A text's fields get ` | ` between them, features become `name=value` with
/// U+001F between them; fields that are empty are left out.
struct RowLayout {
  /// A field of the file.
  struct Field {
    /// Its name in the file.
    let name: String
    /// The column that it is, or is a part of.
    let column: Column
    /// Its place in a row: `Column.index`, or behind all columns for a part of a joined one.
    let slot: Int
    /// Whether a file, and a row of a format without a header, must have it.
    let isRequired: Bool
    /// Whether the user named it, so that a header without it is a mistake.
    let isChosen: Bool
  }

  /// The slots of a row.
  static let slots = Column.allCases.count + ColumnNames.mostParts
  /// The fields that are looked for in a file, in the order of the columns that were asked for; a name may stand in several.
  private(set) var fields: [Field]
  /// The joined columns with their parts' slots, and the beginning `name=` of each part that is a feature.
  private var joined: [(column: Column, parts: [(slot: Int, beginning: [UInt8])])] = []
  /// Slots whose bytes are the same in every row.
  private var given: [(slot: Int, range: Range<Int>)] = []
  private var values = ByteBuffer()
  private let buffer = ByteBuffer()

  /// Lays out rows of these columns; an optional column without a name in `columns` has no field.
  init(_ columns: ColumnNames, required: [Column], optional: [Column]) {
    fields = []
    var slot = Column.allCases.count
    for column in required + optional {
      let names = columns.fields(column)
      let isJoined = column == .features || names.count > 1
      let first = slot
      for name in names {
        fields.append(
          Field(
            name: name, column: column, slot: isJoined ? slot : column.index, isRequired: required.contains(column) && !isJoined,
            isChosen: columns.isChosen(column) || required.contains(column)))
        slot += isJoined ? 1 : 0
      }
      guard isJoined && !names.isEmpty else { continue }
      let beginnings = names.map { column == .features ? Array("\($0)=".utf8) : [] }
      joined.append((column, zip(first..., beginnings).map { ($0, $1) }))
    }
  }

  /// The same layout for a file whose folders' names say some of its fields (`behavior=buy/part-0.csv`), which are not looked for in it.
  ///
  /// Of several folders of one name the last counts; a null is an empty field.
  func given(_ partitions: [(name: String, value: String?)]) -> RowLayout {
    var layout = self
    layout.values = ByteBuffer()
    layout.fields = fields.filter { field in
      guard let partition = partitions.last(where: { Identifier($0.name) == Identifier(field.name) }) else { return true }
      let start = layout.values.count
      for byte in (partition.value ?? "").utf8 { layout.values.append(byte) }
      layout.given.append((field.slot, start..<layout.values.count))
      return false
    }
    return layout
  }

  /// Whether every row has a scene that a folder's name says.
  var givesScenes: Bool { given.contains { $0.slot == Column.scene.index } }

  /// Fills what every row has, and makes the joined columns of the parts; to be called once all fields are in their slots.
  ///
  /// What it makes is valid until the next call.
  @inline(__always)
  func finish(_ row: Row) {
    for (slot, range) in given { row.set(slot, values[range]) }
    if !joined.isEmpty { join(row) }
  }

  private func join(_ row: Row) {
    buffer.removeAll()
    let ranges = joined.map { column, parts in
      let start = buffer.count
      for (slot, beginning) in parts {
        let value = row.value(slot)
        guard value.contains(where: { $0 > 0x20 }) else { continue }
        if buffer.count > start { appendSeparator(column) }
        for byte in beginning { buffer.append(byte) }
        // A separator inside a value would make two features of it.
        for byte in trimmed(value) { buffer.append(byte == ItemText.separator ? 0x20 : byte) }
      }
      return start..<buffer.count
    }
    // Appending may move the bytes, so slices are taken when all are there.
    for ((column, _), range) in zip(joined, ranges) { row[column] = buffer[range] }
  }

  private func appendSeparator(_ column: Column) {
    guard column == .text else { return buffer.append(ItemText.separator) }
    for byte in ItemText.joint.utf8 { buffer.append(byte) }
  }
}
