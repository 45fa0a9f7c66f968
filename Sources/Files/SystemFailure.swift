import Glibc

/// The one place where a failed system call becomes a sentence: `cannot <operation> <path>: <system's reason>`.
func systemFailure(_ operation: String, _ path: String, code: Int32 = errno) -> InputError {
  InputError("cannot \(operation) \(path): \(String(cString: strerror(code)))")
}

/// Opens a path and returns the descriptor; close-on-exec always, interrupted calls repeated.
func openDescriptor(_ path: String, _ flags: Int32, mode: mode_t = 0) -> Int32 {
  while true {
    let descriptor = open(path, flags | O_CLOEXEC, mode)
    if descriptor >= 0 || errno != EINTR { return descriptor }
  }
}

extension stat {
  /// Whether this is a folder.
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
  /// Whether this is a plain file.
  var isPlainFile: Bool { st_mode & S_IFMT == S_IFREG }
}
