import Datasets
import Files

/// `ratings.dat` and `movies.dat` of MovieLens-1M: fields separated by `::`.
///
/// The release's titles are Latin-1, but the file is also handed on as UTF-8: `movies.dat` is UTF-8 when all of it is valid UTF-8. It is read
/// into memory for that, as its texts are in any case.
final class MovieLensSource: RowSource {
  enum Kind { case ratings, movies }

  let path: String
  let defaultScene = "movies"
  let namesScenes = true
  private let reader: LineReader
  private let kind: Kind
  private let text = ByteBuffer()
  private var behaviors: [ByteBuffer] = []
  /// A rating's fields while it is read; kept for its memory.
  private var parts: [UnsafeRawBufferPointer] = []
  /// The movies, read as a whole, and which of their lines comes next.
  private var movies: Movies?
  private var index = 0

  /// Opens the file.
  init(path: String, kind: Kind) throws {
    reader = try LineReader(path: path)
    self.path = reader.path
    self.kind = kind
    behaviors = (1...5).map { rating in
      let name = ByteBuffer()
      for byte in "rate_\(rating)".utf8 { name.append(byte) }
      return name
    }
  }

  var lineNumber: Int { kind == .movies ? index : reader.lineNumber }
  var bytesRead: Int { reader.bytesRead }

  func fill(_ row: Row) throws -> RowOutcome {
    if kind == .movies { return try nextMovie(row) }
    while let line = try reader.next() {
      if line.isEmpty { continue }
      return rating(line, row)
    }
    return .end
  }

  /// The lines of `movies.dat`.
  private struct Movies {
    let bytes = ByteBuffer()
    var lines: [Range<Int>] = []
    var isUTF8 = true

    init(_ reader: LineReader) throws {
      while let line = try reader.next() {
        lines.append(bytes.count..<bytes.count + line.count)
        bytes.append(line)
        isUTF8 = isUTF8 && TextCleaner.isUTF8(line)
      }
    }
  }

  private func nextMovie(_ row: Row) throws -> RowOutcome {
    let movies = try self.movies ?? Movies(reader)
    self.movies = movies
    while index < movies.lines.count {
      let line = movies.bytes[movies.lines[index]]
      index += 1
      if !line.isEmpty { return movie(line, isUTF8: movies.isUTF8, row) }
    }
    return .end
  }

  /// `user::item::rating::timestamp`.
  private func rating(_ line: UnsafeRawBufferPointer, _ row: Row) -> RowOutcome {
    parts.removeAll(keepingCapacity: true)
    var start = 0
    while let colons = firstColons(line, from: start) {
      parts.append(UnsafeRawBufferPointer(rebasing: line[start..<colons]))
      start = colons + 2
    }
    parts.append(UnsafeRawBufferPointer(rebasing: line[start...]))
    // The parts point into the reader's line and must not be found here later.
    defer { parts.removeAll(keepingCapacity: true) }
    guard parts.count == 4 else {
      return .bad(BadRow(kind: .fieldCount, detail: "\(parts.count) fields, user::item::rating::timestamp has 4"))
    }
    guard parts[2].count == 1, (0x31...0x35).contains(parts[2][0]) else {
      return .bad(BadRow(kind: .rating, detail: "the rating is \(excerpt(parts[2]))"))
    }
    row[.user] = parts[0]
    row[.item] = parts[1]
    let behavior = behaviors[Int(parts[2][0]) - 0x31]
    row[.behavior] = behavior[0..<behavior.count]
    row[.timestamp] = parts[3]
    return .row
  }

  /// `id::title::genre|genre`; the title itself may hold colons.
  private func movie(_ line: UnsafeRawBufferPointer, isUTF8: Bool, _ row: Row) -> RowOutcome {
    var last: Int?
    var start = 0
    let first = firstColons(line, from: 0)
    while let colons = firstColons(line, from: start) { (last, start) = (colons, colons + 1) }
    guard let first, let last, last >= first + 2 else {
      return .bad(BadRow(kind: .fieldCount, detail: "id::title::genres is wanted"))
    }
    text.removeAll()
    func append(_ byte: UInt8) {
      if isUTF8 { text.append(byte) } else { text.append(Unicode.Scalar(byte)) }
    }
    for byte in line[(first + 2)..<last] { append(byte) }
    if last + 2 < line.count {
      for byte in " | ".utf8 { text.append(byte) }
      for byte in line[(last + 2)...] {
        if byte == 0x7C { text.append(0x2C) }
        append(byte == 0x7C ? 0x20 : byte)
      }
    }
    row[.item] = UnsafeRawBufferPointer(rebasing: line[..<first])
    row[.text] = text[0..<text.count]
    return .row
  }

  private func firstColons(_ line: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var index = start
    while index + 1 < line.count {
      if line[index] == 0x3A && line[index + 1] == 0x3A { return index }
      index += 1
    }
    return nil
  }
}
