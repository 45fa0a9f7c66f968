package import Foundation
import Glibc
import Host

/// What became of an attempt to lock an open file.
enum LockOutcome {
  case locked
  /// Somebody else has it.
  case held
  /// The file system has no locks, or not of this kind; the system's code.
  case impossible(Int32)
}

/// Locks an open file (`flock(2)`), for as long as the descriptor is open.
func lockDescriptor(_ descriptor: Int32, isShared: Bool = false, waits: Bool = false) -> LockOutcome {
  while flock(descriptor, (isShared ? LOCK_SH : LOCK_EX) | (waits ? 0 : LOCK_NB)) != 0 {
    if errno == EINTR { continue }
    return errno == EWOULDBLOCK ? .held : .impossible(errno)
  }
  return .locked
}

/// A file that one holder at a time has locked, on all hosts that share the file system.
///
/// Ours, on `flock(2)`: the system lets go of it when the process ends, however it ends, so a dead holder blocks nobody. Between hosts
/// it is as good as the file system's locks: NFS passes them on (a client that dies keeps them until its lease ends), a mount with
/// `nolock` or `local_lock` does not. The file stays when the lock is let go of; removing it would let two holders in.
package final class FileLock: Sendable {
  /// Why a file is not locked.
  package enum Refusal: Error {
    /// Somebody has it.
    case held
    /// The file cannot be opened for writing, in the system's words.
    case closed(String)
    /// The file system cannot lock, in the system's words.
    case impossible(String)
  }

  private let descriptor: Int32

  /// Locks a file, which is made when it is missing.
  ///
  /// - Parameter waits: whether to wait until nobody else holds it.
  package init(path: String, waits: Bool) throws(Refusal) {
    let opened = openDescriptor(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o666)
    guard opened >= 0 else { throw .closed(systemReason()) }
    // From here on the descriptor is closed by deinit, thrown or not.
    descriptor = opened
    switch lockDescriptor(opened, waits: waits) {
    case .locked: return
    case .held: throw .held
    case .impossible(let code): throw .impossible(systemReason(code))
    }
  }

  deinit { close(descriptor) }

  /// Whether the locked file still stands under a name; nil where the system cannot say.
  package func stands(at path: String) -> Bool? {
    var (own, now) = (stat(), stat())
    guard fstat(descriptor, &own) == 0 else { return nil }
    guard stat(path, &now) == 0 else { return Self.means(absent: errno) ? false : nil }
    return own.st_dev == now.st_dev && own.st_ino == now.st_ino
  }

  /// Whether a system's code says that nothing stands under a name, and not that it could not look.
  package static func means(absent code: Int32) -> Bool { [ENOENT, ENOTDIR, ESTALE].contains(code) }

  /// Whether somebody holds a file just now; nil where nobody can tell, for want of locks or of permission.
  ///
  /// Only looks: a file that is not there is not made, and none is written. While it looks it shares the lock, so that who wants the file for
  /// itself must try again.
  package static func isHeld(_ path: String) -> Bool? {
    let descriptor = openDescriptor(path, O_RDONLY | O_NOFOLLOW)
    guard descriptor >= 0 else { return errno == ENOENT ? false : nil }
    defer { close(descriptor) }
    return switch lockDescriptor(descriptor, isShared: true) {
    case .locked: false
    case .held: true
    case .impossible: nil
    }
  }

  /// Replaces the file's bytes, for who wants to know the holder; what cannot be written changes nothing about the lock.
  package func write(_ bytes: Data) {
    guard ftruncate(descriptor, 0) == 0 else { return }
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }
}

/// A file that is read, and that nobody removes meanwhile who asks by ``unlessHeld(_:_:)``.
///
/// Shared by any number of readers; freed like ``FileLock``.
package final class FileHold: Sendable {
  private let descriptor: Int32

  /// Holds a file; nil when it is not there, or was removed meanwhile.
  ///
  /// Where the file system cannot lock, nothing keeps it from being removed.
  package init?(path: String) {
    let opened = openDescriptor(path, O_RDONLY)
    guard opened >= 0 else { return nil }
    descriptor = opened
    _ = lockDescriptor(opened, isShared: true, waits: true)
    var (own, now) = (stat(), stat())
    guard fstat(opened, &own) == 0, stat(path, &now) == 0, own.st_ino == now.st_ino else { return nil }
  }

  deinit { close(descriptor) }

  /// Does something to a file unless somebody holds it; nobody can begin to meanwhile.
  package static func unlessHeld(_ path: String, _ body: () throws -> Void) rethrows {
    let descriptor = openDescriptor(path, O_RDWR)
    defer { if descriptor >= 0 { close(descriptor) } }
    if descriptor >= 0, case .held = lockDescriptor(descriptor) { return }
    try body()
  }
}
