import Files
import Foundation
import Glibc

/// A file that is read, with what its folders' names say of all its rows.
struct InputFile: Equatable {
  /// The path; `-` is standard input.
  let path: String

  /// What stands for a null in a folder's name, as Hive and Spark write it.
  static let nullName = "__HIVE_DEFAULT_PARTITION__"

  /// The columns that folders of the form `key=value` give, as Hive and Spark write them: percent-encoded; nil = null.
  var partitions: [(name: String, value: String?)] {
    path.split(separator: "/").dropLast().compactMap { folder in
      guard let sign = folder.firstIndex(of: "="), sign > folder.startIndex else { return nil }
      let value = folder[folder.index(after: sign)...]
      return (Self.decoded(folder[..<sign]), value == Self.nullName ? nil : Self.decoded(value))
    }
  }

  /// With `%41` as `A`; what is no such code stays as it is.
  private static func decoded(_ text: Substring) -> String {
    var (bytes, rest) = ([UInt8](), Array(text.utf8)[...])
    while let byte = rest.popFirst() {
      let code = byte == 0x25 && rest.count >= 2 ? UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) : nil
      if code != nil { rest = rest.dropFirst(2) }
      bytes.append(code ?? byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The files that a command line names: files, folders of parts as Spark writes them, and patterns that no shell has expanded.
enum InputFiles {
  /// Folders within folders, at most (ours: more are a loop of links).
  private static let deepest = 32
  /// Folders that say that the files beside them are only some of a table's rows, or rows of earlier states too.
  private static let tables = ["_delta_log": "a Delta table", ".hoodie": "a Hudi table"]

  /// All files of some paths, in the paths' order and by name within each.
  ///
  /// Names that begin with `_` or `.` are passed over inside folders and patterns, and so are files of text without a byte.
  ///
  /// - Parameter isFormatGiven: whether all files are read in one format whatever their names say.
  /// - Throws: `InputError` when a folder has no file or one that cannot be meant, a pattern fits nothing, or names say several formats.
  static func expand(_ paths: [String], isFormatGiven: Bool) throws -> [InputFile] {
    try paths.flatMap { path -> [InputFile] in
      guard path != "-" else { return [InputFile(path: path)] }
      var files: [String]
      if isFolder(path) {
        files = try Self.files(in: path, depth: 0)
      } else if access(path, F_OK) != 0, path.contains(where: { "*?[".contains($0) }) {
        files = try matches(path)
      } else {
        return [InputFile(path: path)]
      }
      files = try files.filter { try !isEmptyText($0) }
      guard !files.isEmpty else { throw InputError("\(path) has no file with a row in it; name the files or another folder") }
      if !isFormatGiven { try checkFormats(files, in: path) }
      return files.map { InputFile(path: $0) }
    }
  }

  private static func files(in folder: String, depth: Int) throws -> [String] {
    guard depth < deepest else { throw InputError("\(folder) is deeper than \(deepest) folders; is a link a loop?") }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw InputError("cannot read the folder \(folder): \(systemReason(error))")
    }
    if let (_, table) = tables.first(where: { names.contains($0.key) }) {
      throw InputError(
        "\(folder) is \(table), whose folder also has rows of earlier states; write its rows as plain Parquet first")
    }
    let front = folder.hasSuffix("/") ? folder : folder + "/"
    return try names.filter { !isHidden($0) }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.flatMap { name in
      let path = front + name
      guard isFolder(path) else { return [path] }
      guard name.contains("=") else {
        throw InputError(
          "\(folder) has the folder \(name) in it, which is not of the form name=value; name the folder itself, or a pattern such as "
            + "\(shellWord(front + "*/*"))")
      }
      return try files(in: path, depth: depth + 1)
    }
  }

  /// The paths that a pattern fits, in the order of their bytes; folders among them stand for their files.
  private static func matches(_ pattern: String) throws -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    let status = glob(pattern, GLOB_NOSORT, nil, &found)
    guard status == 0 || status == GLOB_NOMATCH else { throw InputError("cannot look for \(pattern); name the files") }
    let parts = pattern.split(separator: "/")
    // A hidden name is meant where the pattern's own begins like it: at none that a wildcard found.
    let isMeant = { (path: String) in
      !zip(path.split(separator: "/"), parts).contains { isHidden(String($0)) && !isHidden(String($1)) }
    }
    var paths: [String] = []
    for index in 0..<Int(found.gl_pathc) { if let path = found.gl_pathv[index] { paths.append(String(cString: path)) } }
    paths = paths.filter(isMeant)
    guard !paths.isEmpty else { throw InputError("no file fits \(pattern); name the files") }
    return try paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .flatMap { isFolder($0) ? try files(in: $0, depth: 0) : [$0] }
  }

  /// Whether a name is of what writers leave beside their files (`_SUCCESS`, `.part-0.crc`); `_day=1` is a partition.
  private static func isHidden(_ name: String) -> Bool { name.hasPrefix(".") || name.hasPrefix("_") && !name.contains("=") }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether a file of text has no byte: what a writer makes of a part without a row.
  ///
  /// A Parquet file is never empty.
  private static func isEmptyText(_ path: String) throws -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size == 0
      && InputFormat(ofFile: path) != .parquet
  }

  private static func checkFormats(_ files: [String], in path: String) throws {
    let formats = files.map(InputFormat.init(ofFile:))
    guard let other = formats.firstIndex(where: { $0 != formats[0] }) else { return }
    let names = [files[0], files[other]].map { ($0 as NSString).lastPathComponent }
    throw InputError(
      "\(path) has files of several formats, \(formats[0].rawValue) (\(names[0])) and \(formats[other].rawValue) (\(names[1])); "
        + "name those that are meant by a pattern, or give --format")
  }
}
