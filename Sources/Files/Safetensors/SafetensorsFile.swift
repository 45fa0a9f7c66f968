import Synchronization

/// A safetensors file, memory-mapped and checked as a whole when opened.
///
/// The file is taken as hostile: the header's length, names, types, shapes and offsets are all held
/// against the file's size before any tensor can be asked for. Bytes between tensors are allowed.
package final class SafetensorsFile: Sendable {
  /// The file's path, as given.
  package let path: String
  /// The free text entries of the header.
  package let metadata: [String: String]
  /// The tensors by name.
  package let tensors: [String: TensorInfo]

  private let file: MappedFile
  /// Copies of the tensors asked for whose data in the file is not aligned to their element size.
  private let alignedCopies = Mutex<[String: AlignedCopy]>([:])

  /// The longest header accepted, as in the reference implementation.
  static let longestHeader = 100_000_000

  /// Maps and checks a file.
  ///
  /// - Throws: ``InputError`` naming the file and what is wrong with it.
  package init(path: String) throws {
    self.path = path
    file = try MappedFile(path: path)
    do {
      let header = try Self.header(of: file.bytes)
      metadata = header.metadata
      tensors = header.tensors
    } catch let error as InputError {
      if let signature = FileSignature.byMark(file.bytes) {
        throw InputError("\(path) is \(signature.name), not a safetensors file")
      }
      throw InputError("\(path) is not a usable safetensors file: \(error)")
    }
  }

  /// The bytes of a tensor, little-endian; valid as long as this file object lives: store it beside them.
  ///
  /// - Throws: ``InputError`` when the file has no such tensor.
  package func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[try info(name).byteRange])
  }

  /// A checked view of a tensor's elements, valid as long as this file object lives: store it beside the view, or use
  /// ``withValues(_:as:_:shape:_:)``.
  ///
  /// Data that the file does not align to the element's size is copied once.
  ///
  /// - Parameters:
  ///   - name: The tensor.
  ///   - as: The Swift type of an element; its size must be the stored type's.
  ///   - type: The stored type to insist on.
  ///   - shape: The extents to insist on; nil means any.
  /// - Throws: ``InputError`` naming file, tensor, what was expected and what was found.
  package func values<T: BitwiseCopyable>(
    _ name: String, as: T.Type, _ type: ElementType, shape: [Int?]
  ) throws -> UnsafeBufferPointer<T> {
    precondition(MemoryLayout<T>.size == type.size, "\(T.self) has not the size of \(type.rawValue)")
    let info = try info(name)
    guard info.type == type else {
      throw InputError("\(path): tensor \"\(name)\" should be \(type.rawValue) but is \(info.type.rawValue)")
    }
    try check(info, shape)
    return try alignedBytes(name, alignment: MemoryLayout<T>.alignment).assumingMemoryBound(to: T.self)
  }

  /// Calls `body` with a checked view of a tensor's elements, which stay mapped until it returns; the view must not leave it.
  ///
  /// - Throws: what ``values(_:as:_:shape:)`` throws, and what `body` does.
  package func withValues<T: BitwiseCopyable, Result>(
    _ name: String, as: T.Type, _ type: ElementType, shape: [Int?], _ body: (UnsafeBufferPointer<T>) throws -> Result
  ) throws -> Result {
    try withExtendedLifetime(self) { try body(values(name, as: T.self, type, shape: shape)) }
  }

  /// A floating-point tensor of any precision as Floats, row-major.
  ///
  /// - Throws: ``InputError`` as ``values(_:as:_:shape:)`` does, or when the elements are integers.
  package func floats(_ name: String, shape: [Int?]) throws -> [Float] {
    let info = try info(name)
    guard info.type.isFloatingPoint else {
      throw InputError("\(path): tensor \"\(name)\" should be F16, BF16, F32 or F64 but is \(info.type.rawValue)")
    }
    try check(info, shape)
    let bytes = try bytes(name)
    return [Float](unsafeUninitializedCapacity: info.count) { buffer, count in
      if let base = buffer.baseAddress { info.type.decode(bytes, into: base) }
      count = info.count
    }
  }

  /// Looks for numbers that are none.
  ///
  /// - Throws: ``InputError`` naming the first tensor that has NaN or infinity in it.
  package func checkFinite() throws {
    for info in tensors.values.sorted(by: { $0.byteRange.lowerBound < $1.byteRange.lowerBound }) {
      guard info.type.isFinite(try bytes(info.name)) else {
        throw InputError("\(path): tensor \"\(info.name)\" has NaN or infinity in it")
      }
    }
  }

  /// Takes bytes of the file that were read out of this process's memory; they stay readable, from the file again.
  package func forget(_ bytes: UnsafeRawBufferPointer) { file.forget(bytes) }

  private func info(_ name: String) throws -> TensorInfo {
    guard let info = tensors[name] else {
      let found = tensors.keys.sorted().prefix(8).joined(separator: ", ")
      throw InputError("\(path) has no tensor \"\(name)\"; it has \(tensors.count): \(found)")
    }
    return info
  }

  private func check(_ info: TensorInfo, _ shape: [Int?]) throws {
    let matches = info.shape.count == shape.count && zip(info.shape, shape).allSatisfy { $1 == nil || $0 == $1 }
    guard matches else {
      let expected = shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
      throw InputError("\(path): tensor \"\(info.name)\" should have shape [\(expected)] but has \(info.shape)")
    }
  }

  private func alignedBytes(_ name: String, alignment: Int) throws -> UnsafeRawBufferPointer {
    let bytes = try bytes(name)
    guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(alignment) != 0 else { return bytes }
    return alignedCopies.withLock { copies in
      let copy = copies[name] ?? AlignedCopy(of: bytes)
      copies[name] = copy
      return copy.bytes
    }
  }

  private static func header(of bytes: UnsafeRawBufferPointer) throws -> SafetensorsHeader {
    guard bytes.count >= 8 else { throw InputError("it has \(bytes.count) bytes, fewer than the 8 of the header's length") }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(longestHeader), length <= UInt64(bytes.count - 8) else {
      throw InputError("its header claims \(length) bytes, but \(min(bytes.count - 8, longestHeader)) is the most it can have")
    }
    let dataStart = 8 + Int(length)
    return try SafetensorsHeader(json: UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]), dataRange: dataStart..<bytes.count)
  }
}

/// Owns a copy of some bytes, aligned to 64.
private final class AlignedCopy: @unchecked Sendable {
  // Unchecked: the bytes are written here and only read afterwards.
  let bytes: UnsafeRawBufferPointer

  init(of source: UnsafeRawBufferPointer) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 64)
    memory.copyMemory(from: source)
    bytes = UnsafeRawBufferPointer(memory)
  }

  deinit {
    bytes.deallocate()
  }
}
