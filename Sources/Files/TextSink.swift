import Glibc

/// Text to a file that appears whole or not at all (gzipped when its name ends in `.gz`), or to standard output (`-`).
public struct TextSink: ~Copyable {
  private var file: OutputFile?
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 16

  /// Starts the file; throws `InputError` when it cannot be created.
  public init(path: String) throws {
    if path != "-" { file = try OutputFile(path: path, isGzipped: path.hasSuffix(".gz")) }
  }

  /// Appends text.
  public mutating func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Ends the file.
  public consuming func commit() throws {
    try flush()
    if let file = file.take() { try file.commit() }
  }

  private mutating func flush() throws {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in
      try file?.write(bytes)
      var rest = bytes.prefix(file == nil ? bytes.count : 0)
      while !rest.isEmpty {
        let count = Glibc.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw InputError("cannot write to standard output: \(String(cString: strerror(errno)))") }
        rest = rest.dropFirst(count)
      }
    }
  }
}
