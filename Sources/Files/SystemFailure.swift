import Foundation
import Glibc
import Host

/// The sentence of a system call that failed on a path: `cannot <operation> <path>: <system's reason>; <what to do>`.
func systemFailure(_ operation: String, _ path: String, code: Int32 = errno) -> InputError {
  InputError("cannot \(operation) \(path): \(systemReason(code))\(remedy(code).map { "; \($0)" } ?? "")")
}

/// What to do about an error of the system that has to do with a path; nil where only its own words help.
private func remedy(_ code: Int32) -> String? {
  switch code {
  case ENOENT, ENOTDIR: "is the path right?"
  case EACCES, EPERM, EROFS: "name another path, or get the right to use this one"
  case ENOSPC, EDQUOT: "make room, or name a path on another disk"
  case EMFILE, ENFILE: "raise the limit on open files (ulimit -n)"
  default: nil
  }
}

/// The system's reason for an error that Foundation reports of a file or folder.
///
/// Its own texts say no more than "The operation could not be completed" of most of them.
package func systemReason(_ error: any Error) -> String {
  guard let reason = (error as? CocoaError)?.underlying as? POSIXError else { return error.localizedDescription }
  return systemReason(reason.code.rawValue)
}

/// Opens a path and returns the descriptor; close-on-exec always, interrupted calls repeated.
func openDescriptor(_ path: String, _ flags: Int32, mode: mode_t = 0) -> Int32 {
  while true {
    let descriptor = open(path, flags | O_CLOEXEC, mode)
    if descriptor >= 0 || errno != EINTR { return descriptor }
  }
}

/// Makes a new file between `prefix` and `suffix` of a path, by a name nobody else has: not another process, container or
/// machine on the same file system.
///
/// Nil, with `errno`, when the system refuses.
func createTemporary(_ prefix: String, _ suffix: String, _ flags: Int32, mode: mode_t) -> (path: String, descriptor: Int32)? {
  while true {
    let path = prefix + String(UInt64.random(in: 0 ... .max), radix: 36) + suffix
    let descriptor = openDescriptor(path, flags | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
    if descriptor >= 0 { return (path, descriptor) }
    if errno != EEXIST { return nil }
  }
}

extension stat {
  /// Whether this is a folder.
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
  /// Whether this is a plain file.
  var isPlainFile: Bool { st_mode & S_IFMT == S_IFREG }
}
