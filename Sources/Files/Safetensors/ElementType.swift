/// The element type of a tensor on disk, spelled as safetensors spells it.
///
/// The format's whole list, whole numbers included; how numbers stand in memory is `NumberFormat` of Host.
package enum ElementType: String, Sendable, CaseIterable {
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// Unsigned 8-bit integer.
  case u8 = "U8"
  /// Signed 8-bit integer.
  case i8 = "I8"
  /// Unsigned 16-bit integer.
  case u16 = "U16"
  /// Signed 16-bit integer.
  case i16 = "I16"
  /// IEEE 754 half precision.
  case f16 = "F16"
  /// bfloat16: the upper half of a float32.
  case bf16 = "BF16"
  /// Unsigned 32-bit integer.
  case u32 = "U32"
  /// Signed 32-bit integer.
  case i32 = "I32"
  /// IEEE 754 single precision.
  case f32 = "F32"
  /// Unsigned 64-bit integer.
  case u64 = "U64"
  /// Signed 64-bit integer.
  case i64 = "I64"
  /// IEEE 754 double precision.
  case f64 = "F64"

  /// Bytes of one element.
  package var size: Int {
    switch self {
    case .bool, .u8, .i8: 1
    case .u16, .i16, .f16, .bf16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64: 8
    }
  }

  /// Whether the elements are floating-point numbers, which ``decode(_:into:)`` reads.
  package var isFloatingPoint: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    default: false
    }
  }
}

extension ElementType {
  /// Whether none of the stored numbers is NaN or infinite; whole numbers never are.
  ///
  /// - Parameter bytes: The elements, little-endian, of any alignment.
  package func isFinite(_ bytes: UnsafeRawBufferPointer) -> Bool {
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
