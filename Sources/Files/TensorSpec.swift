/// A tensor to be written: its name, type and shape.
public struct TensorSpec: Sendable, Equatable {
  /// The tensor's name, unique in its file.
  public let name: String
  /// The element type to store.
  public let type: ElementType
  /// The extents, outermost first; empty for a scalar.
  public let shape: [Int]
  /// Bytes of the whole tensor.
  public let byteCount: Int

  /// Describes a tensor; traps on a negative extent or a size beyond 2^63 bytes.
  public init(_ name: String, _ type: ElementType, _ shape: [Int]) {
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
