/// The JSON header of a safetensors file, read strictly.
///
/// A general JSON reader would silently keep one of two equal names; this one refuses them, and every
/// key, type or number that the format does not have.
struct SafetensorsHeader {
  /// The most extents a tensor may have (ours: what PyTorch and NumPy users meet has four or five).
  static let highestRank = 8

  private(set) var metadata: [String: String] = [:]
  private(set) var tensors: [String: TensorInfo] = [:]

  /// Reads a header.
  ///
  /// - Parameters:
  ///   - json: The header's bytes, without the 8 bytes of its length.
  ///   - dataRange: Where the tensors' data lie in the file; offsets are relative to its start.
  /// - Throws: ``InputError`` without the file's name, which the caller adds.
  init(json: UnsafeRawBufferPointer, dataRange: Range<Int>) throws {
    var cursor = JSONCursor(json)
    var sawMetadata = false
    try cursor.object { cursor, name in
      if name == "__metadata__" {
        guard !sawMetadata else { throw InputError("the header names \"__metadata__\" twice") }
        sawMetadata = true
        metadata = try Self.readMetadata(&cursor)
      } else {
        guard tensors[name] == nil else { throw InputError("the header names tensor \"\(name)\" twice") }
        tensors[name] = try Self.readTensor(&cursor, name, dataRange)
      }
    }
    try cursor.end()
    try Self.refuseOverlap(tensors)
  }

  private static func readMetadata(_ cursor: inout JSONCursor) throws -> [String: String] {
    var metadata: [String: String] = [:]
    try cursor.object { cursor, key in
      guard metadata.updateValue(try cursor.string(), forKey: key) == nil else {
        throw InputError("the header's metadata names \"\(key)\" twice")
      }
    }
    return metadata
  }

  private static func readTensor(_ cursor: inout JSONCursor, _ name: String, _ dataRange: Range<Int>) throws -> TensorInfo {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try cursor.object { cursor, key in
      switch key {
      case "dtype" where type == nil: type = try cursor.string()
      case "shape" where shape == nil: shape = try cursor.integers(limit: highestRank)
      case "data_offsets" where offsets == nil: offsets = try cursor.integers(limit: 2)
      default: throw InputError("tensor \"\(name)\": key \"\(key)\" is unknown or stands twice")
      }
    }
    guard let type, let shape, let offsets else {
      throw InputError("tensor \"\(name)\" needs all of dtype, shape and data_offsets")
    }
    guard let elementType = ElementType(rawValue: type) else {
      throw InputError("tensor \"\(name)\" has the unknown type \"\(type)\"")
    }
    let byteRange = try range(name, elementType, shape, offsets, dataRange)
    return TensorInfo(name: name, type: elementType, shape: shape, byteRange: byteRange)
  }

  /// Checks a tensor's offsets against its shape and the file; returns its bytes within the file.
  private static func range(
    _ name: String, _ type: ElementType, _ shape: [Int], _ offsets: [Int], _ dataRange: Range<Int>
  ) throws -> Range<Int> {
    guard let size = TensorSpec.byteCount(type, shape) else {
      throw InputError("tensor \"\(name)\": shape \(shape) is negative or too large")
    }
    guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= dataRange.count else {
      throw InputError("tensor \"\(name)\": data_offsets \(offsets) do not lie within the \(dataRange.count) bytes of data")
    }
    guard offsets[1] - offsets[0] == size else {
      throw InputError(
        "tensor \"\(name)\": data_offsets \(offsets) hold \(offsets[1] - offsets[0]) bytes, "
          + "but \(type.rawValue) \(shape) needs \(size)")
    }
    return dataRange.lowerBound + offsets[0]..<dataRange.lowerBound + offsets[1]
  }

  private static func refuseOverlap(_ tensors: [String: TensorInfo]) throws {
    let inOrder = tensors.values.filter { !$0.byteRange.isEmpty }
      .sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
    for (first, second) in zip(inOrder, inOrder.dropFirst()) where first.byteRange.upperBound > second.byteRange.lowerBound {
      throw InputError("tensors \"\(first.name)\" and \"\(second.name)\" overlap")
    }
  }
}

/// What a safetensors header says of one tensor, after it was checked against the file.
package struct TensorInfo: Sendable, Equatable {
  /// The tensor's name, unique in its file.
  package let name: String
  /// The stored element type.
  package let type: ElementType
  /// The extents, outermost first; empty for a scalar.
  package let shape: [Int]
  /// Where the elements lie, in bytes from the start of the file.
  package let byteRange: Range<Int>

  /// Number of elements: the product of `shape`.
  package var count: Int { byteRange.count / type.size }
}
