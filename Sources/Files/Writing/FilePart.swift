import Glibc
import Host

/// What one of several writers puts into a file that has its size already: bytes at places of its own.
///
/// Ours. The writers may be on several hosts. Each opens the file once its size is set, only to write: an NFS client then sends the bytes
/// that were written and nothing around them, so that no two writers meet, however their places share pages. What one wrote
/// others see after its ``flush()`` and an opening of their own.
package struct FilePart: ~Copyable {
  private let path: String
  private let descriptor: Int32

  /// Opens the file.
  ///
  /// Throws `InputError` when it is not there or not writable.
  package init(path: String) throws {
    self.path = path
    descriptor = openDescriptor(path, O_WRONLY | O_NOFOLLOW)
    guard descriptor < 0 else { return }
    let reason = errno == ENOENT ? "it was just made, but is not here; all ranks need the same file system" : systemReason()
    throw InputError("cannot open \(path): \(reason)")
  }

  deinit { close(descriptor) }

  /// Goes on at a place, in bytes from the start of the file.
  ///
  /// Throws `InputError` when the system refuses.
  package func move(to place: Int) throws {
    guard lseek(descriptor, off_t(place), SEEK_SET) == off_t(place) else { throw systemFailure("write", path) }
  }

  /// Writes bytes behind those before.
  ///
  /// Throws `InputError` when the disk refuses them.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    let outcome = writeAll(bytes, to: descriptor)
    guard outcome.isWhole else { throw systemFailure("write", path, code: outcome.code) }
  }

  /// Brings what was written to the disk, safely.
  ///
  /// Throws `InputError` when the disk refuses.
  package func flush() throws {
    guard fsync(descriptor) == 0 else { throw systemFailure("flush", path) }
  }
}
