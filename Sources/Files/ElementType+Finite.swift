extension ElementType {
  /// Whether none of the stored numbers is NaN or infinite; whole numbers never are.
  ///
  /// - Parameter bytes: The elements, little-endian, of any alignment.
  public func isFinite(_ bytes: UnsafeRawBufferPointer) -> Bool {
    precondition(bytes.count % size == 0, "\(bytes.count) bytes are no \(rawValue)")
    return switch self {
    case .f16: Self.lacks(0x7C00 as UInt16, bytes)
    case .bf16: Self.lacks(0x7F80 as UInt16, bytes)
    case .f32: Self.lacks(0x7F80_0000 as UInt32, bytes)
    case .f64: Self.lacks(0x7FF0_0000_0000_0000 as UInt64, bytes)
    default: true
    }
  }

  /// Whether no element has all bits of its exponent set.
  private static func lacks<Bits: FixedWidthInteger & BitwiseCopyable>(_ exponent: Bits, _ bytes: UnsafeRawBufferPointer) -> Bool
  {
    guard let start = bytes.baseAddress else { return true }
    let (size, count) = (MemoryLayout<Bits>.size, bytes.count / MemoryLayout<Bits>.size)
    var found: Bits = 0
    for index in 0..<count {
      let bits = start.loadUnaligned(fromByteOffset: size &* index, as: Bits.self) & exponent
      found |= bits == exponent ? 1 : 0
    }
    return found == 0
  }
}
