import CParquet
import Files

/// A column of a Parquet file.
package struct ParquetColumn: Sendable, Equatable {
  /// Its name; inner ones of a struct have the outer names and dots before theirs.
  package let name: String
  /// The type's name, for people: `int64`, `timestamp[us, tz=UTC]`, `list<element: float>`.
  package let type: String
  /// How it is read.
  package let kind: Kind

  /// How a column is read.
  package enum Kind: Sendable, Equatable {
    /// Texts, numbers and booleans, as text.
    case text
    /// Moments and dates, as digits of microseconds since 1970-01-01 UTC; what is below a microsecond is cut off downward.
    case time
    /// Lists of floating-point numbers, as float32.
    case vector
    /// Other nested types and intervals, which are not read.
    case other

    init(_ kind: Int32) {
      switch Int(kind) {
      case Int(CPARQUET_TEXT): self = .text
      case Int(CPARQUET_TIME): self = .time
      case Int(CPARQUET_VECTOR): self = .vector
      default: self = .other
      }
    }
  }
}

/// A Parquet file that is read column by column, batch by batch.
///
/// Memory is that of a batch and of a page of each wanted column, not of a row group. A file is read by one thread at a time; several
/// threads or ranks open it each and take row groups in turn.
package final class ParquetFile {
  /// The file's path, for messages.
  package let path: String
  /// The columns in the file's order.
  package let columns: [ParquetColumn]
  /// Rows of all row groups, as the footer says.
  package let rowCount: Int
  /// The number of row groups.
  package let groupCount: Int
  let library: ParquetLibrary
  private let file: OpaquePointer

  /// The bytes that a Parquet file begins and ends with.
  package static let mark = Array("PAR1".utf8)

  /// Opens a file and reads its footer.
  ///
  /// Throws `InputError` when the library or the file is missing, or the file is damaged or no Parquet.
  package init(path: String) throws {
    guard path != "-" else {
      throw InputError("Parquet is read from its end, so it cannot come through standard input; name the file")
    }
    let start = try FileSignature.start(of: path, Self.mark.count)
    guard start == Self.mark else {
      let what = start == Array("PARE".utf8) ? "is encrypted" : "does not begin as a Parquet file does"
      throw InputError("\(path) \(what); write it again, or name another format")
    }
    let library = try ParquetLibrary.shared()
    let table = library.functions.table
    var opened: OpaquePointer?
    try ParquetLibrary.call({ Self.damaged(path, $0) }) { table.open(path, &opened, $0) }
    guard let file = opened else { throw InputError(Self.damaged(path, "it has no footer")) }
    (self.path, self.library, self.file) = (path, library, file)
    rowCount = Int(table.rows(file))
    groupCount = Int(table.groups(file))
    columns = (0..<table.columns(file)).map { index in
      var column = cparquet_column()
      guard table.column(file, index, &column) == 0 else { return ParquetColumn(name: "", type: "", kind: .other) }
      let name = UnsafeRawBufferPointer(start: column.name, count: column.name_bytes)
      return ParquetColumn(
        name: String(decoding: name, as: UTF8.self), type: column.type.map { String(cString: $0) } ?? "", kind: .init(column.kind)
      )
    }
  }

  deinit { library.functions.table.close(file) }

  /// The number of rows of a row group.
  package func rows(ofGroup group: Int) -> Int { Int(library.functions.table.group_rows(file, Int32(group))) }

  /// The index of the only column with a name, by bytes; nil when there is none.
  ///
  /// Throws `InputError` when there are several.
  package func index(of name: String) throws -> Int? {
    let found = columns.indices.filter { Identifier(columns[$0].name) == Identifier(name) }
    guard found.count < 2 else { throw InputError("\(path) has the column \(name) twice; rename one of them") }
    return found.first
  }

  /// Batches of some columns, row groups one after another.
  ///
  /// - Parameters:
  ///   - indices: places in `columns`, each once; none of them `other`.
  ///   - groups: the row groups to read; nil = all.
  ///   - maximumRows: the most rows of a batch.
  /// - Throws: `InputError` when the file is damaged.
  package func batches(_ indices: [Int], groups: Range<Int>? = nil, maximumRows: Int = 1 << 14) throws -> ParquetBatches {
    let groups = groups ?? 0..<groupCount
    let wanted = indices.map { Int32($0) }
    let stream = try ParquetBatches(file: self, kinds: indices.map { columns[$0].kind })
    try wanted.withUnsafeBufferPointer { wanted in
      var selection = cparquet_selection(
        columns: wanted.baseAddress, column_count: Int32(wanted.count), first_group: Int32(groups.lowerBound),
        end_group: Int32(groups.upperBound), batch_rows: Int64(maximumRows))
      try ParquetLibrary.call({ Self.damaged(path, $0) }) {
        library.functions.table.read(file, &selection, stream.stream, $0)
      }
    }
    try stream.checkSchema()
    return stream
  }

  /// The sentence about a file that cannot be read to its end.
  static func damaged(_ path: String, _ reason: String) -> String {
    "\(path) cannot be read as Parquet (\(reason)); fetch or write the file again"
  }
}
