import Glibc

/// The system's words for an error code, as they stand in the middle of a sentence: `No space left on device`.
///
/// The one place that asks for them. Ours.
package func systemReason(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

/// What became of bytes that were to be written.
package struct WriteOutcome: Sendable, Equatable {
  /// How many the system has taken.
  package let count: Int
  /// Why it took no more (`errno`); 0 when it took all.
  package let code: Int32

  /// Whether all are written.
  package var isWhole: Bool { code == 0 }
}

/// Writes all of some bytes to a descriptor, however many calls it takes; an interrupted call is made again.
///
/// A call that takes nothing without an error, as some network file systems answer, would be made forever: it counts as an error of
/// the device. The one place that calls `write`. Ours.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> WriteOutcome {
  var done = 0
  while done < bytes.count {
    let count = write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
    if count > 0 {
      done += count
    } else if count == 0 || errno != EINTR {
      return WriteOutcome(count: done, code: count == 0 ? EIO : errno)
    }
  }
  return WriteOutcome(count: done, code: 0)
}

/// The same with a text's UTF-8 bytes.
package func writeAll(_ text: String, to descriptor: Int32) -> WriteOutcome {
  var text = text
  return text.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: descriptor) }
}
