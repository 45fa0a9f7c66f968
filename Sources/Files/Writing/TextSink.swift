import Glibc
import Host

/// Text to a file that appears whole or not at all (gzipped when its name ends in `.gz`), or to standard output (`-`).
package struct TextSink: ~Copyable {
  private var file: OutputFile?
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 16

  /// Starts the file; throws `InputError` when it cannot be created.
  package init(path: String) throws {
    if path != "-" { file = try OutputFile(path: path, isGzipped: path.hasSuffix(".gz")) }
  }

  /// Appends text.
  package mutating func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Ends the file.
  package consuming func commit() throws {
    try flush()
    if let file = file.take() { try file.commit() }
  }

  private mutating func flush() throws {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in
      guard file == nil else { return try file?.write(bytes) ?? () }
      let outcome = writeAll(bytes, to: STDOUT_FILENO)
      guard outcome.isWhole else { throw InputError("cannot write to standard output: \(systemReason(outcome.code))") }
    }
  }
}

/// The one place that writes a field of a CSV file.
package enum CSVField {
  /// The field, in quotes when it holds a quote, a comma or a line end (RFC 4180).
  ///
  /// Byte by byte: to `Character` a quote with a combining mark behind it is no quote.
  package static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }) else { return text }
    var bytes: [UInt8] = [0x22]
    for byte in text.utf8 {
      if byte == 0x22 { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(0x22)
    return String(decoding: bytes, as: UTF8.self)
  }
}
