import Foundation
import Glibc

/// Where an output's bytes go, depending on what exists at its path: the one rule for every file that this program writes.
///
/// Ours. A symbolic link stands for its target. A plain file, or none, is replaced in one step. A device, a FIFO and what is open
/// already (`/dev/stdout`, `/dev/fd/3`) are written straight through, because replacing them would take them from everybody else.
enum OutputPlace {
  /// A plain file, or nothing yet; `mode` is what a file that stands there permits.
  case file(path: String, mode: mode_t?)
  /// An open descriptor, to be closed by whoever writes.
  case stream(Int32)

  /// The longest chain of links that Linux follows.
  private static let mostLinks = 40

  /// Looks at what stands under a name.
  ///
  /// Throws `InputError` for a folder, and for a device or FIFO that cannot be opened.
  init(_ path: String) throws {
    let target = try Self.target(of: path)
    if let opened = Self.openFile(target) {
      guard opened >= 0 else { throw systemFailure("write to", path) }
      self = .stream(opened)
      return
    }
    var status = stat()
    guard stat(target, &status) == 0 else {
      // Other errors are reported when the file is created.
      self = .file(path: target, mode: nil)
      return
    }
    guard !status.isFolder else { throw InputError("\(path) is a folder; name a file") }
    if status.isPlainFile {
      self = .file(path: target, mode: status.st_mode & 0o777)
      return
    }
    let descriptor = openDescriptor(target, O_WRONLY)
    guard descriptor >= 0 else { throw systemFailure("write to", path) }
    self = .stream(descriptor)
  }

  /// The path that a chain of symbolic links ends at; nothing need stand there.
  ///
  /// Links in the way to the last component are the system's business. A link to an open file (`/proc/self/fd/1`) is not followed.
  ///
  /// Throws `InputError` when the links go round in circles.
  static func target(of path: String) throws -> String {
    var path = path
    for _ in 0..<mostLinks {
      guard let link = readLink(path), !isInProc(path) else { return path }
      path = link.hasPrefix("/") ? link : "\(split(path).folder)/\(link)"
    }
    throw InputError("\(path): the symbolic links lead in a circle; name another output")
  }

  /// The folder (never empty) and the last component of a path.
  static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let name = String(path[path.utf8.index(after: slash)...])
    return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
  }

  /// A new descriptor of what a name in `/proc/PID/fd` stands for, -1 with `errno` when it cannot be had; nil for other names.
  private static func openFile(_ path: String) -> Int32? {
    guard isInProc(path) else { return nil }
    let (folder, name) = split(path)
    // Opened anew, a plain file would be written from its beginning, over what stands there.
    if let number = Int32(name), let real = realPath(folder), real == "/proc/\(getpid())/fd" {
      return fcntl(number, F_DUPFD_CLOEXEC, 0)
    }
    return openDescriptor(path, O_WRONLY)
  }

  /// Whether a name lies where links are not paths but open files.
  private static func isInProc(_ path: String) -> Bool {
    realPath(split(path).folder)?.hasPrefix("/proc/") ?? false
  }

  private static func readLink(_ path: String) -> String? {
    var text = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = text.withUnsafeMutableBytes { bytes in
      bytes.withMemoryRebound(to: CChar.self) { readlink(path, $0.baseAddress!, $0.count) }
    }
    return count > 0 ? String(decoding: text[..<count], as: UTF8.self) : nil
  }
}

/// A path without links and dots, as the system sees it; nil when nothing stands there.
func realPath(_ path: String) -> String? {
  guard let real = realpath(path, nil) else { return nil }
  defer { free(real) }
  return String(cString: real)
}

/// A path as the system sees it, without links and dots; of one that is not there yet, as far as it goes.
package struct CanonicalPath: Sendable, Equatable {
  /// The absolute path.
  package let text: String

  /// Resolves a path.
  package init(_ path: String) {
    var (url, missing) = (URL(fileURLWithPath: path).standardizedFileURL, [String]())
    while url.path != "/", realPath(url.path) == nil {
      missing.append(url.lastPathComponent)
      url.deleteLastPathComponent()
    }
    let base = realPath(url.path) ?? url.path
    text = missing.reversed().reduce(base) { $0 == "/" ? "/\($1)" : "\($0)/\($1)" }
  }

  /// Whether this is a folder or what lies in it.
  package func isInside(_ folder: CanonicalPath) -> Bool {
    text == folder.text || Array(text.utf8).starts(with: Array((folder.text == "/" ? "/" : folder.text + "/").utf8))
  }
}
