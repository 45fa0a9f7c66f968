public import Foundation
import Glibc

/// A file that one holder at a time has locked, on all hosts that share the file system.
///
/// Ours, on `flock(2)`: the system lets go of it when the process ends, however it ends, so a dead holder blocks nobody. Between hosts
/// it is as good as the file system's locks: NFS passes them on (a client that dies keeps them until its lease ends), a mount with
/// `nolock` or `local_lock` does not. The file stays when the lock is let go of; removing it would let two holders in.
public final class FileLock: Sendable {
  /// Why a file is not locked.
  public enum Refusal: Error {
    /// Somebody has it.
    case held
    /// The file system cannot, or the file cannot be opened, in the system's words.
    case impossible(String)
  }

  private let descriptor: Int32

  /// Locks a file, which is made when it is missing.
  ///
  /// - Parameter waits: whether to wait until nobody else holds it.
  public init(path: String, waits: Bool) throws(Refusal) {
    descriptor = openDescriptor(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o666)
    guard descriptor >= 0 else { throw .impossible(String(cString: strerror(errno))) }
    while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      close(descriptor)
      throw code == EWOULDBLOCK ? .held : .impossible(String(cString: strerror(code)))
    }
  }

  deinit { close(descriptor) }

  /// Replaces the file's bytes, for who wants to know the holder; what cannot be written changes nothing about the lock.
  public func write(_ bytes: Data) {
    guard ftruncate(descriptor, 0) == 0 else { return }
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }
}

/// A file that is read, and that nobody removes meanwhile who asks by ``unlessHeld(_:_:)``.
///
/// Shared by any number of readers; freed like ``FileLock``.
public final class FileHold: Sendable {
  private let descriptor: Int32

  /// Holds a file; nil when it is not there, or was removed meanwhile.
  ///
  /// Where the file system cannot lock, nothing keeps it from being removed.
  public init?(path: String) {
    descriptor = openDescriptor(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    while flock(descriptor, LOCK_SH) != 0 && errno == EINTR {}
    var (own, now) = (stat(), stat())
    guard fstat(descriptor, &own) == 0, stat(path, &now) == 0, own.st_ino == now.st_ino else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }

  /// Does something to a file unless somebody holds it; nobody can begin to meanwhile.
  public static func unlessHeld(_ path: String, _ body: () throws -> Void) rethrows {
    let descriptor = openDescriptor(path, O_RDWR)
    defer { if descriptor >= 0 { close(descriptor) } }
    if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return }
    try body()
  }
}
