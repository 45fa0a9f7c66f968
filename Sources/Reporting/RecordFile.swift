import Files
import Glibc

/// Removes records from the middle or the end of a log.
enum RecordFile {
  /// Leaves of a file only some of its bytes, in order: whole or not at all.
  ///
  /// Throws `InputError`; the file is as it was then.
  static func keep(_ kept: ArraySlice<Range<Int>>, of bytes: UnsafeRawBufferPointer, path: String) throws {
    let count = kept.reduce(0) { $0 + $1.count }
    guard count < bytes.count else { return }
    if kept.last?.upperBound ?? 0 == count {
      guard truncate(path, count) == 0 else {
        throw InputError("\(path): cannot be cut to \(count) bytes: \(String(cString: strerror(errno)))")
      }
      return
    }
    var file = try AtomicFile(path: path)
    for range in kept { try file.write(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    try file.commit()
  }
}
