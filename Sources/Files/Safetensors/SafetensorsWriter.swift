/// Writes a safetensors file front to back: the tensors in the order they were announced.
///
/// The file appears under its name only with ``finish()``. The data section starts on a multiple of 8
/// bytes; announce tensors of wider elements first to have all of them aligned (the format allows no
/// padding between tensors).
package struct SafetensorsWriter: ~Copyable {
  private var file: AtomicFile
  private var checksum = CRC32()
  private let tensors: [TensorSpec]
  /// The tensor being written, and what it still lacks.
  private var current = 0
  private var missingBytes = 0

  /// Starts a file and writes its header.
  ///
  /// - Parameters:
  ///   - path: The final name.
  ///   - tensors: What will be written, in this order; names must differ.
  ///   - metadata: Free text entries for the header.
  ///   - bypassesCache: See ``AtomicFile/init(path:bypassesCache:)``.
  /// - Throws: ``InputError`` when the file cannot be created or written.
  package init(
    path: String, tensors: [TensorSpec], metadata: [String: String] = [:], bypassesCache: Bool = false
  ) throws {
    let header = SafetensorsLayout(tensors: tensors, metadata: metadata).header
    var file = try AtomicFile(path: path, bypassesCache: bypassesCache)
    try header.withUnsafeBytes { try file.write($0) }
    self.file = file
    self.tensors = tensors
    missingBytes = tensors.first?.byteCount ?? 0
    header.withUnsafeBytes { checksum.update($0) }
  }

  /// Appends bytes to the tensor that is next in order; traps when they overrun it.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard !bytes.isEmpty else { return }
    while missingBytes == 0 {
      current += 1
      precondition(current < tensors.count, "\(bytes.count) bytes come after the last tensor")
      missingBytes = tensors[current].byteCount
    }
    precondition(
      bytes.count <= missingBytes, "tensor \(tensors[current].name) lacks \(missingBytes) bytes but is given \(bytes.count)")
    checksum.update(bytes)
    try file.write(bytes)
    missingBytes -= bytes.count
  }

  /// Appends values to the tensor that is next in order: the whole of it or a part.
  package mutating func write<T: BitwiseCopyable>(_ values: UnsafeBufferPointer<T>) throws {
    try append(UnsafeRawBufferPointer(values))
  }

  /// Appends values to the tensor that is next in order: the whole of it or a part.
  package mutating func write<T: BitwiseCopyable>(_ values: [T]) throws {
    try values.withUnsafeBytes { try append($0) }
  }

  /// Closes the file and gives it its name; traps when a tensor is incomplete.
  ///
  /// - Returns: The CRC-32 of the whole file.
  @discardableResult
  package consuming func finish() throws -> UInt32 {
    let rest = tensors.dropFirst(current + 1).reduce(missingBytes) { $0 + $1.byteCount }
    precondition(rest == 0, "\(rest) bytes of the announced tensors were not written")
    let value = checksum.value
    try file.commit()
    return value
  }
}
