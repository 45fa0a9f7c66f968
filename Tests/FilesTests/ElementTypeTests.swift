import Testing

@testable import Files

/// Conversions held against the compiler's own Float16 and, for bfloat16, against arithmetic.
struct ElementTypeTests {
  private func decode(_ type: ElementType, _ patterns: [UInt16]) -> [Float] {
    [Float](unsafeUninitializedCapacity: patterns.count) { buffer, count in
      patterns.withUnsafeBytes { type.decode($0, into: buffer.baseAddress!) }
      count = patterns.count
    }
  }

  private func encode(_ type: ElementType, _ values: [Float]) -> [UInt16] {
    [UInt16](unsafeUninitializedCapacity: values.count) { buffer, count in
      values.withUnsafeBufferPointer { type.encode($0, into: UnsafeMutableRawPointer(buffer.baseAddress!)) }
      count = values.count
    }
  }

  @Test func everyHalfDecodesExactly() {
    let patterns = (0...UInt16.max).map { $0 }
    let decoded = decode(.f16, patterns)
    let wrong = patterns.filter { pattern in
      // Subnormal halves by arithmetic: the compiler's own conversion makes zeros of them on a thread that flushes denormals,
      // as the threads of training and serving do.
      let subnormal = Float(pattern & 0x3FF) * (pattern < 0x8000 ? 0x1p-24 : -0x1p-24)
      let expected = pattern & 0x7C00 == 0 ? subnormal : Float(Float16(bitPattern: pattern))
      let found = decoded[Int(pattern)]
      return expected.isNaN ? !found.isNaN : expected.bitPattern != found.bitPattern
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    #expect(decode(.bf16, [0x3F80, 0xC000, 0x7F80, 0x0001]) == [1, -2, .infinity, Float(bitPattern: 0x10000)])
  }

  @Test func halvesRoundAsTheCompilerRounds() {
    // Around every half: itself, its two Float neighbours, and the midpoint to the next half.
    let values = (0..<UInt16(0x7C00)).flatMap { pattern -> [Float] in
      let value = Float(Float16(bitPattern: pattern))
      let midpoint = (value + Float(Float16(bitPattern: pattern + 1))) / 2
      return [value, -value, value.nextUp, value.nextDown, midpoint, midpoint.nextUp, midpoint.nextDown]
    }
    let finite = values.filter { $0.isFinite } + [65_519, 65_520, 1e30, .infinity, -.infinity]
    let found = encode(.f16, finite)
    let wrong = zip(finite, found).filter { Float16($0).bitPattern != $1 }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    #expect(Float16(bitPattern: encode(.f16, [.nan])[0]).isNaN)
  }

  @Test func bfloatRoundsToNearestEven() {
    let values = [1, 0x3F80_8000, 0x3F80_8001, 0x3F81_8000, 0x7F7F_FFFF, 0xFF80_0000].map { Float(bitPattern: $0) }
    #expect(encode(.bf16, values) == [0, 0x3F80, 0x3F81, 0x3F82, 0x7F80, 0xFF80])
    #expect(decode(.bf16, encode(.bf16, [Float(bitPattern: 0x7F80_0001)]))[0].isNaN)
  }

  @Test func wideTypesConvert() {
    let doubles: [Double] = [0.1, -3, 1e300]
    var floats = [Float](repeating: 0, count: 3)
    doubles.withUnsafeBytes { ElementType.f64.decode($0, into: &floats) }
    #expect(floats == [0.1, -3, .infinity])
    var back = [Double](repeating: 0, count: 3)
    floats.withUnsafeBufferPointer { ElementType.f64.encode($0, into: &back) }
    #expect(back == [Double(Float(0.1)), -3, .infinity])
    var copy = [Float](repeating: 0, count: 3)
    floats.withUnsafeBytes { ElementType.f32.decode($0, into: &copy) }
    #expect(copy == floats)
  }

  @Test func sizesAreThoseOfTheFormat() {
    #expect(ElementType.allCases.map(\.size) == [1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 8, 8, 8])
  }
}
