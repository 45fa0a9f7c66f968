// Conversions between stored floating-point numbers and Float. The half-precision loops are integer
// arithmetic without branches, so that the compiler makes vector code of them on any x86-64 or arm64;
// Swift's Float16 would call a library function per element on processors it must assume lack F16C.

extension ElementType {
  /// Converts stored elements to Float; exact for all types but f64, which is rounded to nearest.
  ///
  /// - Parameters:
  ///   - bytes: The elements, little-endian, of any alignment.
  ///   - output: Room for `bytes.count / size` numbers.
  package func decode(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutablePointer<Float>) {
    precondition(isFloatingPoint && bytes.count % size == 0, "cannot decode \(bytes.count) bytes of \(rawValue) to Float")
    guard let source = bytes.baseAddress else { return }
    let count = bytes.count / size
    switch self {
    case .bf16: Self.decodeBF16(source, count, output)
    case .f16: Self.decodeF16(source, count, output)
    case .f64: Self.decodeF64(source, count, output)
    default: UnsafeMutableRawPointer(output).copyMemory(from: source, byteCount: bytes.count)
    }
  }

  /// Converts Floats to this storage type, rounding to nearest with ties to even.
  ///
  /// f16 overflows to infinity beyond 65,504; a NaN stays a NaN.
  ///
  /// - Parameters:
  ///   - values: The numbers.
  ///   - output: Room for `values.count * size` bytes, of any alignment.
  package func encode(_ values: UnsafeBufferPointer<Float>, into output: UnsafeMutableRawPointer) {
    precondition(isFloatingPoint, "cannot encode Float as \(rawValue)")
    guard let source = values.baseAddress else { return }
    switch self {
    case .bf16: Self.encodeBF16(source, values.count, output)
    case .f16: Self.encodeF16(source, values.count, output)
    case .f64: Self.encodeF64(source, values.count, output)
    default: output.copyMemory(from: source, byteCount: values.count * size)
    }
  }

  private static func decodeBF16(_ source: UnsafeRawPointer, _ count: Int, _ output: UnsafeMutablePointer<Float>) {
    for index in 0..<count {
      let bits = source.loadUnaligned(fromByteOffset: 2 &* index, as: UInt16.self)
      output[index] = Float(bitPattern: UInt32(truncatingIfNeeded: bits) &<< 16)
    }
  }

  private static func decodeF16(_ source: UnsafeRawPointer, _ count: Int, _ output: UnsafeMutablePointer<Float>) {
    for index in 0..<count {
      output[index] = widened(source.loadUnaligned(fromByteOffset: 2 &* index, as: UInt16.self))
    }
  }

  private static func decodeF64(_ source: UnsafeRawPointer, _ count: Int, _ output: UnsafeMutablePointer<Float>) {
    for index in 0..<count {
      output[index] = Float(source.loadUnaligned(fromByteOffset: 8 &* index, as: Double.self))
    }
  }

  private static func encodeBF16(_ source: UnsafePointer<Float>, _ count: Int, _ output: UnsafeMutableRawPointer) {
    for index in 0..<count {
      let bits = source[index].bitPattern
      let rounded = (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) &>> 16
      let isNaN = (bits & 0x7FFF_FFFF) > 0x7F80_0000
      output.storeBytes(
        of: UInt16(truncatingIfNeeded: isNaN ? (bits &>> 16) | 0x40 : rounded), toByteOffset: 2 &* index, as: UInt16.self)
    }
  }

  private static func encodeF16(_ source: UnsafePointer<Float>, _ count: Int, _ output: UnsafeMutableRawPointer) {
    for index in 0..<count {
      output.storeBytes(of: narrowed(source[index]), toByteOffset: 2 &* index, as: UInt16.self)
    }
  }

  private static func encodeF64(_ source: UnsafePointer<Float>, _ count: Int, _ output: UnsafeMutableRawPointer) {
    for index in 0..<count {
      output.storeBytes(of: Double(source[index]), toByteOffset: 8 &* index, as: Double.self)
    }
  }

  /// Half to single precision.
  ///
  /// Normal numbers by a change of the exponent's bias (infinities and NaN included), subnormal ones by the float adder. After Dukhan's FP16 library.
  @inline(__always)
  private static func widened(_ half: UInt16) -> Float {
    let word = UInt32(truncatingIfNeeded: half) &<< 16
    let sign = word & 0x8000_0000
    let magnitude = word &+ word
    let normal = Float(bitPattern: (magnitude &>> 4) &+ (0xE0 &<< 23)) * 0x1.0p-112
    let subnormal = Float(bitPattern: (magnitude &>> 17) | (126 &<< 23)) - 0.5
    return Float(bitPattern: sign | (magnitude < (1 &<< 27) ? subnormal.bitPattern : normal.bitPattern))
  }

  /// Single to half precision.
  ///
  /// A scaled addition lets the float adder do the rounding, subnormal results included. After Dukhan's FP16 library.
  @inline(__always)
  private static func narrowed(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let magnitude = bits &+ bits
    let bias = max(magnitude & 0xFF00_0000, 0x7100_0000)
    let scaled = (Float(bitPattern: bits & 0x7FFF_FFFF) * 0x1.0p+112) * 0x1.0p-110
    let rounded = (Float(bitPattern: (bias &>> 1) &+ 0x0780_0000) + scaled).bitPattern
    let half = ((rounded &>> 13) & 0x7C00) &+ (rounded & 0x0FFF)
    return UInt16(truncatingIfNeeded: ((bits & 0x8000_0000) &>> 16) | (magnitude > 0xFF00_0000 ? 0x7E00 : half))
  }
}
