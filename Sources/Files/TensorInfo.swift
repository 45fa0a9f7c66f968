/// What a safetensors header says of one tensor, after it was checked against the file.
public struct TensorInfo: Sendable, Equatable {
  /// The tensor's name, unique in its file.
  public let name: String
  /// The stored element type.
  public let type: ElementType
  /// The extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// Where the elements lie, in bytes from the start of the file.
  public let byteRange: Range<Int>

  /// Number of elements: the product of `shape`.
  public var count: Int { byteRange.count / type.size }
}
