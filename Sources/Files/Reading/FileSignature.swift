import Glibc

/// What a file is instead of text, told from its first bytes, and the command that makes text of it.
///
/// Text is what every table, list and configuration is read as; anything else would reach messages as garbage.
package struct FileSignature: Sendable, Equatable {
  /// What to do about it.
  enum Remedy: Sendable, Equatable {
    /// A program that reads the file on standard input and writes text; what it adds to the name, and what it takes away.
    case filter(String, adds: String = "", removes: String = "")
    /// The function of Python's pandas that reads the file.
    case table(String)
    /// A sentence.
    case advice(String)
  }

  /// The kind of file with its article, as in "a Parquet file".
  package let name: String
  private let remedy: Remedy
  /// How many bytes of a file are enough to tell.
  package static let length = 512
  /// The name of the kind that the commands that read tables do read, but not as text.
  package static let parquet = "a Parquet file"
  // MARK: Kinds

  /// Bytes that a kind of file begins with; those that are letters count only where other bytes than text's follow.
  private static let marks: [(bytes: [UInt8], kind: FileSignature)] = [
    ([0xFF, 0xFE, 0, 0], FileSignature("UTF-32 text", .filter("iconv -f UTF-32 -t UTF-8", adds: ".utf8"))),
    ([0, 0, 0xFE, 0xFF], FileSignature("UTF-32 text", .filter("iconv -f UTF-32 -t UTF-8", adds: ".utf8"))),
    ([0xFF, 0xFE], FileSignature("UTF-16 text", .filter("iconv -f UTF-16 -t UTF-8", adds: ".utf8"))),
    ([0xFE, 0xFF], FileSignature("UTF-16 text", .filter("iconv -f UTF-16 -t UTF-8", adds: ".utf8"))),
    (Array("PAR1".utf8), FileSignature(parquet, .table("read_parquet"))),
    (Array("ORC".utf8), FileSignature("an ORC file", .table("read_orc"))),
    (Array("ARROW1".utf8), FileSignature("an Arrow file", .table("read_feather"))),
    (Array("FEA1".utf8), FileSignature("a Feather file", .table("read_feather"))),
    (Array("Obj\u{1}".utf8), FileSignature("an Avro file", .advice("convert it to CSV first"))),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A], FileSignature("an HDF5 file", .table("read_hdf"))),
    (
      Array("SQLite format 3\0".utf8),
      FileSignature("an SQLite database", .advice("write its tables to CSV first (sqlite3 -header -csv)"))
    ),
    ([0xD0, 0xCF, 0x11, 0xE0], FileSignature("an Excel workbook", .table("read_excel"))),
    (
      [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59],
      FileSignature(
        "a NumPy file", .advice("give vectors of items to precise encode with --vectors, and write anything else as CSV first"))
    ),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], FileSignature("xz-compressed", .filter("xz -dc", removes: ".xz"))),
    (Array("BZh".utf8), FileSignature("bzip2-compressed", .filter("bzip2 -dc", removes: ".bz2"))),
    ([0x28, 0xB5, 0x2F, 0xFD], FileSignature("zstd-compressed", .filter("zstd -dc", removes: ".zst"))),
    ([0x04, 0x22, 0x4D, 0x18], FileSignature("lz4-compressed", .filter("lz4 -dc", removes: ".lz4"))),
    ([0x1F, 0x9D], FileSignature("compressed by compress", .filter("gzip -dc", removes: ".Z"))),
    ([0x1F, 0x8B], FileSignature("gzip data inside gzip data", .filter("gzip -dc"))),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], FileSignature("a 7z archive", .advice("unpack it and name the files inside"))),
    (Array("Rar!\u{1A}\u{7}".utf8), FileSignature("a RAR archive", .advice("unpack it and name the files inside"))),
  ]

  init(_ name: String, _ remedy: Remedy) {
    self.name = name
    self.remedy = remedy
  }

  /// Looks at a file's first bytes; nil when they may be text.
  package init?(_ start: UnsafeRawBufferPointer) {
    let start = UnsafeRawBufferPointer(rebasing: start.prefix(Self.length))
    let found = Self.byMark(start) ?? Self.unmarkedUTF16(start) ?? Self.page(start) ?? Self.noText(start)
    guard let found else { return nil }
    self = found
  }

  /// The sentence about such a file at `path`; one that was inflated already has to be inflated by the command too.
  package func sentence(path: String, isInflated: Bool = false) -> String {
    "\(path) is \(name); \(remedy(path, isInflated))"
  }

  /// The same without the path in front, for messages that name the file already.
  package func rule(path: String) -> String { "is \(name); \(remedy(path, false))" }

  private func remedy(_ path: String, _ isInflated: Bool) -> String {
    let isPipe = path == "standard input"
    switch remedy {
    case .advice(let text): return text
    case .table(let function):
      guard !isPipe else { return "convert it to CSV first" }
      guard !isInflated else { return "decompress it with gzip -d first, then convert it to CSV" }
      let command = "import pandas, sys; pandas.\(function)(sys.argv[1]).to_csv(sys.argv[2], index=False)"
      // Never onto a file that is there: the one that is to be converted may end in .csv itself.
      let free = Self.freeName(Self.stem(path) + ".csv")
      return "convert it: python3 -c '\(command)' \(shellWord(path)) \(shellWord(free))"
    case .filter(let program, let adds, let removes):
      guard !isPipe else { return "pipe it through \(program) first" }
      let target = Self.freeName(Self.target(path, adds: adds, removes: removes))
      return "convert it: "
        + (isInflated
          ? "gzip -dc \(shellWord(path)) | \(program) > \(shellWord(target))"
          : "\(program) < \(shellWord(path)) > \(shellWord(target))")
    }
  }

  /// The converted file's name, whose ending still tells the format: `e.csv.xz` becomes `e.csv`, `e.csv` in UTF-16 `e.utf8.csv`.
  private static func target(_ path: String, adds: String, removes: String) -> String {
    var name = path.utf8[...]
    for ending in [".gz", removes]
    where !ending.isEmpty && name.count > ending.utf8.count && name.suffix(ending.utf8.count).elementsEqual(ending.utf8) {
      name = name.dropLast(ending.utf8.count)
    }
    let plain = String(decoding: name, as: UTF8.self)
    if !adds.isEmpty {
      let front = stem(plain)
      return front + adds + String(decoding: plain.utf8.dropFirst(front.utf8.count), as: UTF8.self)
    }
    return plain == path ? path + ".txt" : plain
  }

  /// The name, or the first like it under which nothing stands.
  private static func freeName(_ name: String) -> String {
    var (free, number) = (name, 1)
    while access(free, F_OK) == 0 && number < 1000 {
      number += 1
      let front = stem(name)
      free = front + "-\(number)" + String(decoding: name.utf8.dropFirst(front.utf8.count), as: UTF8.self)
    }
    return free
  }

  /// The path without its last ending.
  private static func stem(_ path: String) -> String {
    let bytes = Array(path.utf8)
    let start = (bytes.lastIndex(of: 0x2F) ?? -1) + 1
    guard let dot = bytes.lastIndex(of: 0x2E), dot > start else { return path }
    return String(decoding: bytes[..<dot], as: UTF8.self)
  }

  /// The first bytes of a file, at most so many; for marks that decide how the file is read.
  ///
  /// Throws `InputError` when it is missing, unreadable or no plain file.
  package static func start(of path: String, _ count: Int) throws -> [UInt8] {
    var status = stat()
    // Before it is opened: who opens and closes a pipe ends its writer.
    guard stat(path, &status) == 0 else { throw systemFailure("open", path) }
    guard status.isPlainFile else {
      throw InputError("\(path) is \(status.isFolder ? "a folder" : "no plain file"); a file is wanted here")
    }
    let descriptor = openDescriptor(path, O_RDONLY)
    guard descriptor >= 0 else { throw systemFailure("open", path) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let found = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    guard found >= 0 else { throw systemFailure("read", path) }
    return Array(bytes.prefix(found))
  }

  /// The kind by marks alone, for files that are no text themselves.
  static func byMark(_ start: UnsafeRawBufferPointer) -> FileSignature? {
    if start.starts(with: [0x50, 0x4B, 3, 4]) || start.starts(with: [0x50, 0x4B, 5, 6]) { return zip(start) }
    // Python's pickles begin with the protocol's number, from 2 up.
    if start.count > 2, start[0] == 0x80, (2...5).contains(start[1]) {
      return FileSignature("a Python pickle", .advice("write it as CSV first, where you trust it"))
    }
    // A tar archive has its mark behind the first member's name; old ones end it with a space.
    if start.count >= 262, start[257..<262].elementsEqual("ustar".utf8) {
      return FileSignature("a tar archive", .advice("unpack it with tar -xf and name the files inside"))
    }
    return marks.first { mark in start.starts(with: mark.bytes) && (hasNoText(mark.bytes) || hasNoText(start.prefix(64))) }?.kind
  }

  /// Whether there is a byte that no text has: invalid in UTF-8, or a control character other than tab and line end.
  private static func hasNoText(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.contains { ($0 < 0x20 && $0 != 9 && $0 != 10 && $0 != 13) || $0 >= 0xF8 || $0 == 0xC0 || $0 == 0xC1 }
      || bytes.first.map { (0x80..<0xC2).contains($0) } ?? false
  }

  /// A zip archive or what is made of one: the first member's name tells.
  private static func zip(_ start: UnsafeRawBufferPointer) -> FileSignature {
    let name = start.dropFirst(30).prefix(64)
    // What libraries write begins with documents' properties.
    if ["[Content_Types].xml", "xl/", "_rels/", "docProps/"].contains(where: { name.starts(with: $0.utf8) }) {
      return FileSignature("an Excel workbook", .table("read_excel"))
    }
    return FileSignature("a zip archive", .filter("funzip", removes: ".zip"))
  }

  /// UTF-16 without a mark: every other byte of plain letters is zero.
  private static func unmarkedUTF16(_ start: UnsafeRawBufferPointer) -> FileSignature? {
    guard start.count >= 8 else { return nil }
    let isZero = start.prefix(8).map { $0 == 0 }
    if isZero == [false, true, false, true, false, true, false, true] {
      return FileSignature("UTF-16 text", .filter("iconv -f UTF-16LE -t UTF-8", adds: ".utf8"))
    }
    guard isZero == [true, false, true, false, true, false, true, false] else { return nil }
    return FileSignature("UTF-16 text", .filter("iconv -f UTF-16BE -t UTF-8", adds: ".utf8"))
  }

  /// Whatever else has a first line that no text has: one with a NUL, or with control characters and no UTF-8.
  private static func noText(_ start: UnsafeRawBufferPointer) -> FileSignature? {
    var line = UnsafeRawBufferPointer(rebasing: start.prefix { $0 != 0x0A })
    let kind = { (what: String) in FileSignature("not text: there are \(what) in its first line", .advice("name a text file")) }
    if line.contains(0) { return kind("NUL bytes") }
    guard line.contains(where: { ($0 < 0x20 && $0 != 9 && $0 != 13) || $0 == 0x7F }) else { return nil }
    // A letter may be cut at the end of what is looked at.
    if line.count == length { line = UnsafeRawBufferPointer(rebasing: line.dropLast(3)) }
    return String(validating: line, as: UTF8.self) == nil ? kind("control characters") : nil
  }

  /// Texts that stand where a download should be.
  private static func page(_ start: UnsafeRawBufferPointer) -> FileSignature? {
    let begin = String(decoding: start.prefix(64), as: UTF8.self).lowercased()
    if begin.hasPrefix("<!doctype html") || begin.hasPrefix("<html") {
      return FileSignature("a web page", .advice("it may be an error of the download; fetch the file again"))
    }
    guard begin.hasPrefix("version https://git-lfs.github.com") else { return nil }
    return FileSignature("a pointer of Git LFS", .advice("fetch the file itself: git lfs pull"))
  }
}
