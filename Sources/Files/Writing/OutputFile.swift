import CZlib

/// An ``AtomicFile`` that may be gzipped on its way.
package struct OutputFile: ~Copyable {
  private var file: AtomicFile
  private let deflater: Deflater?

  /// Creates the temporary file.
  ///
  /// - Parameters:
  ///   - path: The final name, which says nothing of the compression.
  ///   - isGzipped: Whether to compress.
  /// - Throws: ``InputError`` when the folder is missing or not writable.
  package init(path: String, isGzipped: Bool) throws {
    file = try AtomicFile(path: path)
    deflater = isGzipped ? Deflater() : nil
  }

  /// Appends bytes; throws ``InputError`` when the disk refuses them.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let deflater else { return try file.write(bytes) }
    try deflater.deflate(bytes, isLast: false) { try file.write($0) }
  }

  /// Puts the file under its final name; throws ``InputError`` when the disk refuses.
  package consuming func commit() throws {
    if let deflater {
      try deflater.deflate(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true) { try file.write($0) }
    }
    try file.commit()
  }
}

/// Compresses a stream of bytes to gzip's format.
///
/// The header holds no name and no time, so equal bytes in give equal bytes out.
final class Deflater {
  /// On the heap because zlib keeps the stream's address.
  private let stream: UnsafeMutablePointer<z_stream>
  private let output: UnsafeMutableRawBufferPointer

  private static let outputSize = 1 << 16

  init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    output = .allocate(byteCount: Self.outputSize, alignment: 16)
    // 31 is the largest window, 15, plus 16 for gzip's header; 8 is the usual memory.
    let status = deflateInit2_(
      stream, Z_BEST_SPEED, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib cannot start to compress: status \(status)")
  }

  deinit {
    deflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
    output.deallocate()
  }

  /// Takes bytes in and hands out what is compressed so far; `isLast` ends the stream.
  func deflate(_ bytes: UnsafeRawBufferPointer, isLast: Bool, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    var rest = bytes[...]
    repeat {
      // zlib counts in 32 bits.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      rest = rest.dropFirst(piece.count)
      stream.pointee.next_in = UnsafeMutablePointer(mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.pointee.avail_in = UInt32(piece.count)
      try drain(flush: isLast && rest.isEmpty ? Z_FINISH : Z_NO_FLUSH, body)
    } while !rest.isEmpty
  }

  private func drain(flush: Int32, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    repeat {
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(Self.outputSize)
      let status = CZlib.deflate(stream, flush)
      precondition(status != Z_STREAM_ERROR, "zlib lost its stream")
      try body(UnsafeRawBufferPointer(rebasing: output[0..<Self.outputSize - Int(stream.pointee.avail_out)]))
    } while stream.pointee.avail_out == 0
  }
}
