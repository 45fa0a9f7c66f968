package import Foundation
import Glibc

/// A whole file mapped read-only into memory.
///
/// Ours. The bytes live as long as this object does, and the compiler may end a local object's life right after its last
/// mention: read through ``withBytes(_:)``, or keep the object as a property beside every view made of ``bytes``. A file that
/// is cut short by somebody else while mapped ends the process (SIGBUS), so our own files are
/// replaced by rename and never rewritten in place.
package final class MappedFile: Sendable {
  /// The file's path, as given.
  package let path: String
  private nonisolated(unsafe) let start: UnsafeRawPointer?
  private let size: Int

  /// Maps the file at `path`.
  ///
  /// An empty file gives an empty buffer.
  ///
  /// Throws `InputError` when it is missing, unreadable, a folder or anything but a plain file.
  package init(path: String) throws {
    let descriptor = openDescriptor(path, O_RDONLY | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemFailure("open", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemFailure("look at", path) }
    guard !status.isFolder else { throw InputError("\(path) is a folder; a file is wanted here") }
    guard status.isPlainFile else { throw InputError("\(path) is not a plain file; copy it to one first") }
    self.path = path
    size = Int(status.st_size)
    guard size > 0 else {
      start = nil
      return
    }
    let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else { throw systemFailure("map", path) }
    start = UnsafeRawPointer(address)
  }

  deinit {
    if let start { munmap(UnsafeMutableRawPointer(mutating: start), size) }
  }

  /// The file's size in bytes.
  package var count: Int { size }

  /// All bytes of the file; valid while this object lives, which a local variable's mention alone does not ensure.
  ///
  /// For types that store this object beside the view; elsewhere ``withBytes(_:)``.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: size) }

  /// Takes bytes that were read out of this process's memory; they stay readable, from the file again.
  ///
  /// For one pass over a large file, whose pages would count as this process's memory until the file is closed.
  package func forget(_ range: UnsafeRawBufferPointer) {
    guard let start, let first = range.baseAddress, !range.isEmpty else { return }
    let page = Int(getpagesize())
    let offset = first - start
    precondition(offset >= 0 && offset + range.count <= size, "\(range.count) bytes at \(offset) of \(size)")
    let aligned = offset / page * page
    madvise(UnsafeMutableRawPointer(mutating: start + aligned), offset + range.count - aligned, MADV_DONTNEED)
  }

  /// Calls `body` with all bytes of the file, which stay mapped until it returns; the buffer must not leave it.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(bytes) }
  }
}

/// A manifest or a record: a plain file that is read into memory as a whole.
package enum SmallFile {
  /// Far above the largest manifest; what is larger, or grows while it is read, is something else.
  static let largest = 64 << 20

  /// Reads a file.
  ///
  /// Throws `InputError` when it is missing, unreadable, too large, a folder or anything but a plain file.
  package static func read(_ path: String) throws -> Data {
    let file = try MappedFile(path: path)
    guard file.count <= largest else {
      throw InputError("\(path) is larger than 64 MiB, so it is none of our files; name another")
    }
    return file.withBytes { Data($0) }
  }
}
