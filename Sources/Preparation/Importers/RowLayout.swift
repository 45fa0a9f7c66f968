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
  /// The fields in the order of the columns that were asked for; a name may stand in several.
  let fields: [Field]
  /// The joined columns with their parts' places in `fields`.
  private var joined: [(column: Column, fields: Range<Int>)] = []
  /// The beginning `name=` of each field that is a feature.
  private var beginnings: [[UInt8]] = []
  private let buffer = ByteBuffer()

  /// Lays out rows of these columns; an optional column without a name in `columns` has no field.
  init(_ columns: ColumnNames, required: [Column], optional: [Column]) {
    var fields: [Field] = []
    var slot = Column.allCases.count
    for column in required + optional {
      let names = columns.fields(column)
      let isJoined = column == .features || names.count > 1
      if isJoined && !names.isEmpty { joined.append((column, fields.count..<fields.count + names.count)) }
      for name in names {
        fields.append(
          Field(
            name: name, column: column, slot: isJoined ? slot : column.index, isRequired: required.contains(column) && !isJoined,
            isChosen: columns.isChosen(column) || required.contains(column)))
        if isJoined { slot += 1 }
        beginnings.append(column == .features ? Array("\(name)=".utf8) : [])
      }
    }
    self.fields = fields
  }

  /// Makes the joined columns of the parts; to be called once all fields are in their slots.
  ///
  /// What it makes is valid until the next call.
  @inline(__always)
  func finish(_ row: Row) {
    if !joined.isEmpty { join(row) }
  }

  private func join(_ row: Row) {
    buffer.removeAll()
    let ranges = joined.map { column, range in
      let start = buffer.count
      for field in range {
        let value = row.value(fields[field].slot)
        guard value.contains(where: { $0 > 0x20 }) else { continue }
        if buffer.count > start { appendSeparator(column) }
        for byte in beginnings[field] { buffer.append(byte) }
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
