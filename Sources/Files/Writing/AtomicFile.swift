import CHost
import Glibc
import Host

/// A file that appears under its name whole or not at all.
///
/// Ours. Bytes go to a hidden temporary file in the same folder; `commit` flushes it to the disk, renames it over the file and
/// flushes the folder. Without `commit` the temporary file is removed and whatever stood there stays. A symbolic link stands for its target;
/// devices, FIFOs and `/dev/stdout` are written straight through (`OutputPlace`).
package struct AtomicFile: ~Copyable {
  /// The path as it was given.
  package let path: String
  /// The final path, behind links; empty when bytes go straight through.
  private let target: String
  /// What is renamed in the end; nil when bytes go straight through.
  private let temporary: Temporary?
  private let descriptor: Int32
  private var buffer: UnsafeMutableRawBufferPointer
  private var buffered = 0
  /// Whether the system takes the bytes past its page cache: whole buffers only.
  private(set) var isDirect = false

  private static let bufferSize = 1 << 18
  /// The buffer of a direct file, for fewer and larger writes; its start and size are multiples of any disk's blocks.
  static let directBufferSize = 4 << 20

  /// Creates the temporary file.
  ///
  /// - Parameters:
  ///   - path: The final name.
  ///   - bypassesCache: For large files that nobody reads soon: whether the bytes go to the disk past the page cache, where the file
  ///     system can. To copy them there would take ten times the processor's time, and the place of files that are read.
  /// - Throws: `InputError` when the folder is missing or not writable, or `path` is a folder.
  package init(path: String, bypassesCache: Bool = false) throws {
    guard !OutputPlace.split(path).name.isEmpty else { throw InputError("\(path) does not name a file") }
    (target, temporary, descriptor) = try Self.open(path)
    self.path = path
    isDirect = bypassesCache && temporary != nil && chost_set_direct(descriptor, 1) == 0
    buffer = .allocate(byteCount: isDirect ? Self.directBufferSize : Self.bufferSize, alignment: 4096)
  }

  deinit {
    buffer.deallocate()
    if temporary == nil { close(descriptor) }
  }

  private static func open(_ path: String) throws -> (target: String, temporary: Temporary?, descriptor: Int32) {
    switch try OutputPlace(path) {
    case .stream(let opened): return ("", nil, opened)
    case .file(let target, let mode):
      let (folder, name) = OutputPlace.split(target)
      guard let made = Temporary.file(for: name, in: folder) else { throw systemFailure("create", path) }
      if let mode { fchmod(made.descriptor, mode) }
      return (target, made, made.descriptor)
    }
  }

  /// Gives the file its size, for several writers who fill it where it is until `commit` (``FilePart``); nothing is written here then.
  ///
  /// - Returns: The path at which they open it.
  /// - Throws: `InputError` when the system refuses, or the bytes would go straight through to a device.
  package mutating func share(size: Int) throws -> String {
    guard let temporary else { throw InputError("\(path) is no plain file, so several writers cannot fill it; remove it") }
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw systemFailure("make room for", path) }
    return temporary.path
  }

  /// Appends bytes.
  ///
  /// Throws `InputError` when the disk refuses them.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    if isDirect { return try fill(bytes) }
    if buffered + bytes.count > buffer.count { try flush() }
    guard bytes.count < buffer.count else { return try writeThrough(bytes) }
    guard let source = bytes.baseAddress, let target = buffer.baseAddress else { return }
    (target + buffered).copyMemory(from: source, byteCount: bytes.count)
    buffered += bytes.count
  }

  /// Appends a text's UTF-8 bytes.
  ///
  /// Throws `InputError` when the disk refuses them.
  package mutating func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Puts the file under its final name, safely on the disk.
  ///
  /// Throws `InputError`; nothing has changed at `path` then, unless the error says that the file is in place.
  package consuming func commit() throws {
    try commit(synchronizing: AtomicFile.synchronizeFolder)
  }

  /// The same with another way to flush the folder, for tests.
  consuming func commit(synchronizing synchronize: (String) throws -> Void) throws {
    try flush()
    guard let temporary else { return }
    guard fsync(descriptor) == 0 else { throw systemFailure("flush", path) }
    let failure = temporary.putInPlace { rename($0, target) == 0 ? 0 : errno }
    guard failure == 0 else { throw systemFailure("put in place", path, code: failure) }
    do {
      try synchronize(OutputPlace.split(target).folder)
    } catch {
      throw InputError("\(path) is in place, but a power cut may still undo that: \(error)")
    }
  }

  /// Flushes a folder's entries to the disk, so that a rename inside it survives a power cut.
  static func synchronizeFolder(_ folder: String) throws {
    let descriptor = openDescriptor(folder, O_RDONLY | O_DIRECTORY)
    guard descriptor >= 0 else { throw systemFailure("open", folder) }
    defer { close(descriptor) }
    // Some network file systems cannot flush a folder and say EINVAL; they order renames themselves.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw systemFailure("flush", folder) }
  }

  /// The same past the page cache: everything goes through the buffer, whose blocks the disk can fetch by itself.
  private mutating func fill(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(buffer.count - buffered))
      UnsafeMutableRawBufferPointer(rebasing: buffer[buffered...]).copyMemory(from: piece)
      buffered += piece.count
      rest = rest.dropFirst(piece.count)
      if buffered == buffer.count { try flush() }
    }
  }

  private mutating func flush() throws {
    // The file's end is no whole block.
    if buffered < buffer.count { leaveDirect() }
    let pending = UnsafeRawBufferPointer(rebasing: buffer[0..<buffered])
    buffered = 0
    try writeThrough(pending)
  }

  private mutating func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    var outcome = writeAll(bytes, to: descriptor)
    if outcome.code == EINVAL && isDirect {
      // Larger blocks than these, or a call that ended within one.
      leaveDirect()
      outcome = writeAll(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(outcome.count)), to: descriptor)
    }
    guard outcome.isWhole else { throw systemFailure("write", path, code: outcome.code) }
  }

  /// Writes through the page cache from here on.
  private mutating func leaveDirect() {
    if isDirect { _ = chost_set_direct(descriptor, 0) }
    isDirect = false
  }
}
