import Glibc
import Synchronization

/// The process's stdout, where a command's results go; what a command failed to deliver it must not pass over.
public enum StandardOutput {
  private static let failureCode = Atomic<Int32>(0)

  /// Why the first text that was lost could not be written, in the system's words; nil when everything was.
  ///
  /// Commands ask at their end and fail with it.
  public static var failure: String? {
    let code = failureCode.load(ordering: .relaxed)
    return code == 0 ? nil : String(cString: strerror(code))
  }

  /// Writes all of a text, line ends included.
  ///
  /// A pipe whose reader has left (`| head -1`) ends the process there and then, silently and by SIGPIPE, as any filter does.
  public static func write(_ text: String) {
    let code = writeAll(text, to: STDOUT_FILENO)
    if code == EPIPE { leave() }
    if code != 0 { _ = failureCode.compareExchange(expected: 0, desired: code, ordering: .relaxed) }
  }

  /// Ends the process as if SIGPIPE had not been ignored.
  private static func leave() -> Never {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
    _exit(128 + SIGPIPE)
  }
}

/// Writes all of a text and returns 0 or the `errno` that stopped it.
func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
  var text = text
  return text.withUTF8 { bytes in
    var rest = UnsafeRawBufferPointer(bytes)
    while let start = rest.baseAddress, !rest.isEmpty {
      let count = Glibc.write(descriptor, start, rest.count)
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if count == 0 || errno != EINTR {
        return count == 0 ? EIO : errno
      }
    }
    return 0
  }
}
