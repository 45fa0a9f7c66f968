import Glibc

/// A file that appears under its name whole or not at all.
///
/// Ours. Bytes go to a hidden temporary file in the same folder; `commit` flushes it to the disk, renames it over `path` and
/// flushes the folder. Without `commit` the temporary file is removed and whatever stood at `path` stays.
public struct AtomicFile: ~Copyable {
  /// The final path.
  public let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var buffer: UnsafeMutableRawBufferPointer
  private var buffered = 0
  private var isCommitted = false

  private static let bufferSize = 1 << 18

  /// Creates the temporary file.
  ///
  /// Throws `InputError` when the folder is missing or not writable.
  public init(path: String) throws {
    let (folder, name) = AtomicFile.split(path)
    guard !name.isEmpty else { throw InputError("\(path) does not name a file") }
    guard let temporary = createTemporary("\(folder)/.\(name).", ".tmp", O_WRONLY, mode: 0o666) else {
      throw systemFailure("create", path)
    }
    self.path = path
    (temporaryPath, descriptor) = temporary
    buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: AtomicFile.bufferSize, alignment: 16)
  }

  deinit {
    buffer.deallocate()
    if !isCommitted {
      close(descriptor)
      unlink(temporaryPath)
    }
  }

  /// Appends bytes.
  ///
  /// Throws `InputError` when the disk refuses them.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    if buffered + bytes.count > buffer.count { try flush() }
    guard bytes.count < buffer.count else { return try writeThrough(bytes) }
    guard let source = bytes.baseAddress, let target = buffer.baseAddress else { return }
    (target + buffered).copyMemory(from: source, byteCount: bytes.count)
    buffered += bytes.count
  }

  /// Appends a text's UTF-8 bytes.
  ///
  /// Throws `InputError` when the disk refuses them.
  public mutating func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Puts the file under its final name, safely on the disk.
  ///
  /// Throws `InputError`; nothing has changed at `path` then, unless the error says that the file is in place.
  public consuming func commit() throws {
    try commit(synchronizing: AtomicFile.synchronizeFolder)
  }

  /// The same with another way to flush the folder, for tests.
  consuming func commit(synchronizing synchronize: (String) throws -> Void) throws {
    try flush()
    guard fsync(descriptor) == 0 else { throw systemFailure("flush", path) }
    guard rename(temporaryPath, path) == 0 else { throw systemFailure("put in place", path) }
    isCommitted = true
    close(descriptor)
    do {
      try synchronize(AtomicFile.split(path).folder)
    } catch {
      throw InputError("\(path) is in place, but a power cut may still undo that: \(error)")
    }
  }

  /// Flushes a folder's entries to the disk, so that a rename inside it survives a power cut.
  public static func synchronizeFolder(_ folder: String) throws {
    let descriptor = openDescriptor(folder, O_RDONLY | O_DIRECTORY)
    guard descriptor >= 0 else { throw systemFailure("open", folder) }
    defer { close(descriptor) }
    // Some network file systems cannot flush a folder and say EINVAL; they order renames themselves.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw systemFailure("flush", folder) }
  }

  private mutating func flush() throws {
    let pending = UnsafeRawBufferPointer(rebasing: buffer[0..<buffered])
    buffered = 0
    try writeThrough(pending)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw systemFailure("write", path) }
      rest = rest.dropFirst(written)
    }
  }

  /// The folder (never empty) and the last component of a path.
  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let name = String(path[path.index(after: slash)...])
    return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
  }
}
