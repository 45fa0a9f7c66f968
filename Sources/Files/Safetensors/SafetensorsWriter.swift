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
    precondition(Set(tensors.map(\.name)).count == tensors.count, "tensor names repeat: \(tensors.map(\.name))")
    precondition(!tensors.contains { $0.name == "__metadata__" }, "a tensor cannot be named __metadata__")
    let header = Self.header(tensors, metadata)
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

  /// The header with its length in front, padded with spaces to a multiple of 8 bytes.
  private static func header(_ tensors: [TensorSpec], _ metadata: [String: String]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(entries.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
  }

  /// A JSON string literal.
  private static func quoted(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": literal += "\\\(scalar)"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }
}

/// A tensor to be written: its name, type and shape.
package struct TensorSpec: Sendable, Equatable {
  /// The tensor's name, unique in its file.
  package let name: String
  /// The element type to store.
  package let type: ElementType
  /// The extents, outermost first; empty for a scalar.
  package let shape: [Int]
  /// Bytes of the whole tensor.
  package let byteCount: Int

  /// Describes a tensor; traps on a negative extent or a size beyond 2^63 bytes.
  package init(_ name: String, _ type: ElementType, _ shape: [Int]) {
    guard let byteCount = Self.byteCount(type, shape) else {
      preconditionFailure("tensor \(name): \(type.rawValue) \(shape) has no valid size")
    }
    self.name = name
    self.type = type
    self.shape = shape
    self.byteCount = byteCount
  }

  /// Bytes of a tensor, or nil where an extent is negative or the product overflows.
  static func byteCount(_ type: ElementType, _ shape: [Int]) -> Int? {
    var bytes = type.size
    for extent in shape {
      guard extent >= 0 else { return nil }
      let product = bytes.multipliedReportingOverflow(by: extent)
      guard !product.overflow else { return nil }
      bytes = product.partialValue
    }
    return bytes
  }
}
