/// An ``AtomicFile`` that may be gzipped on its way.
public struct OutputFile: ~Copyable {
  private var file: AtomicFile
  private let deflater: Deflater?

  /// Creates the temporary file.
  ///
  /// - Parameters:
  ///   - path: The final name, which says nothing of the compression.
  ///   - isGzipped: Whether to compress.
  /// - Throws: ``InputError`` when the folder is missing or not writable.
  public init(path: String, isGzipped: Bool) throws {
    file = try AtomicFile(path: path)
    deflater = isGzipped ? Deflater() : nil
  }

  /// Appends bytes; throws ``InputError`` when the disk refuses them.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let deflater else { return try file.write(bytes) }
    try deflater.deflate(bytes, isLast: false) { try file.write($0) }
  }

  /// Puts the file under its final name; throws ``InputError`` when the disk refuses.
  public consuming func commit() throws {
    if let deflater {
      try deflater.deflate(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true) { try file.write($0) }
    }
    try file.commit()
  }
}
