import Glibc

/// Reads a text file line by line without a copy or a `String` per line.
///
/// Ours. `-` is standard input; gzip is recognized by its magic number. A UTF-8 byte order mark at the very start is left out, and what
/// is no text is refused by its first bytes (``FileSignature``).
package final class LineReader {
  /// The file's path, or `standard input`, for messages.
  package let path: String
  /// Number of the line that `next` returned last, from 1; 0 before the first.
  package private(set) var lineNumber = 0
  /// Bytes of (inflated) text handed out so far, line ends included.
  package private(set) var bytesRead = 0

  private let source: ByteSource
  private let maximumLength: Int
  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var isAtEnd = false

  /// Opens the file.
  ///
  /// `maximumLength` bounds one line's bytes (ours: 16 MiB, so that a file without line ends fails early).
  ///
  /// Throws `InputError` when it is missing, unreadable, a folder or no text.
  package init(path: String, maximumLength: Int = 16 << 20) throws {
    source = try ByteSource(path: path)
    self.path = source.path
    self.maximumLength = maximumLength
    buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(1 << 18, maximumLength + 2), alignment: 16)
    try lookAtStart()
  }

  deinit { buffer.deallocate() }

  /// The next line without its end (`\n` or `\r\n`), or nil after the last; valid until the next call.
  ///
  /// Throws `InputError` for a damaged file and for a line over the maximum length.
  package func next() throws -> UnsafeRawBufferPointer? {
    var searched = 0
    while true {
      if let newline = newlineOffset(from: start + searched) { return line(upTo: newline, skipping: 1) }
      searched = end - start
      if isAtEnd { return searched > 0 ? line(upTo: end, skipping: 0) : nil }
      guard searched < maximumLength + 2 else { throw tooLong() }
      try readMore()
    }
  }

  private func newlineOffset(from offset: Int) -> Int? {
    guard offset < end, let base = buffer.baseAddress else { return nil }
    guard let found = memchr(base + offset, 0x0A, end - offset) else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  private func line(upTo newline: Int, skipping: Int) -> UnsafeRawBufferPointer {
    var last = newline
    if last > start && buffer[last - 1] == 0x0D { last -= 1 }
    let line = UnsafeRawBufferPointer(rebasing: buffer[start..<last])
    bytesRead += newline + skipping - start
    start = newline + skipping
    lineNumber += 1
    return line
  }

  /// Moves the unfinished line to the front, makes room when it fills the buffer, and reads on.
  private func readMore() throws {
    if start > 0, let base = buffer.baseAddress {
      memmove(base, base + start, end - start)
      (start, end) = (0, end - start)
    }
    if end == buffer.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: min(buffer.count * 2, maximumLength + 2), alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
      buffer.deallocate()
      buffer = larger
    }
    let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    isAtEnd = count == 0
    end += count
  }

  private func lookAtStart() throws {
    // A few bytes tell most kinds; the rest is looked at as far as it came along, so that a person's first line is not waited for longer.
    while end < min(8, buffer.count) && !isAtEnd && newlineOffset(from: 0) == nil { try readMore() }
    let seen = UnsafeRawBufferPointer(rebasing: buffer[..<end])
    if let signature = FileSignature(seen) {
      throw InputError(signature.sentence(path: path, isInflated: source.isInflated))
    }
    if seen.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
  }

  private func tooLong() -> InputError {
    InputError("\(path):\(lineNumber + 1): the line is longer than \(maximumLength) bytes; is this a text file?")
  }
}
