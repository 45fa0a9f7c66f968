import Testing

@testable import Files

/// Conversions held against arithmetic.
///
/// The compiler's own Float16 is no oracle here: on a thread that flushes denormals, as those of training and serving do, it
/// makes zeros of subnormal halves, and test threads are shared.
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

  /// What a half without sign stands for, as if exponent 31 were as good as any: 0x7C00 is 65,536.
  private func value(_ pattern: UInt16) -> Float {
    let (exponent, fraction) = (Int(pattern >> 10), Float(pattern & 0x3FF))
    return exponent == 0 ? fraction * 0x1p-24 : Float(sign: .plus, exponent: exponent - 25, significand: 1024 + fraction)
  }

  /// Every pattern of sixteen bits is finite exactly when it decodes to a finite number; wider ones at the edges.
  @Test func isFiniteIsWhatItSays() {
    for type in [ElementType.f16, .bf16] {
      let wrong = (0...UInt16.max).filter { type.isFinite($0) != decode(type, [$0])[0].isFinite }
      #expect(wrong.isEmpty, "\(type.rawValue): \(wrong.prefix(3))")
    }
    for value in [0, -1, Float.greatestFiniteMagnitude, .leastNonzeroMagnitude] { #expect(ElementType.f32.isFinite(value)) }
    for value in [Float.nan, .signalingNaN, .infinity, -.infinity] { #expect(!ElementType.f32.isFinite(value)) }
    #expect(ElementType.f64.isFinite(Double.greatestFiniteMagnitude) && !ElementType.f64.isFinite(-Double.infinity))
    #expect(ElementType.i32.isFinite(Float.nan) && ElementType.f32.isFinite(UnsafeRawBufferPointer(start: nil, count: 0)))
  }

  @Test func everyHalfDecodesExactly() {
    let decoded = decode(.f16, (0...UInt16.max).map { $0 })
    let wrong = (0..<UInt16(0x7C00)).filter { pattern in
      let (plus, minus) = (decoded[Int(pattern)], decoded[Int(pattern | 0x8000)])
      return plus.bitPattern != value(pattern).bitPattern || minus.bitPattern != (value(pattern).bitPattern | 0x8000_0000)
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    #expect(decoded[0x7C00] == .infinity && decoded[0xFC00] == -.infinity)
    #expect((0x7C01...0x7FFF).allSatisfy { decoded[$0].isNaN && decoded[$0 | 0x8000].isNaN })
    #expect(decode(.bf16, [0x3F80, 0xC000, 0x7F80, 0x0001]) == [1, -2, .infinity, Float(bitPattern: 0x10000)])
  }

  @Test func halvesRoundToNearestEven() {
    // Around every half: itself, the midpoint to the next one, and the Float neighbors of both.
    var cases: [(value: Float, half: UInt16)] = []
    for pattern in 0..<UInt16(0x7C00) {
      let midpoint = (value(pattern) + value(pattern + 1)) / 2
      let even = pattern + (pattern & 1)
      cases += [(value(pattern), pattern), (value(pattern).nextUp, pattern), (midpoint, even)]
      cases += [(midpoint.nextDown, pattern), (midpoint.nextUp, pattern + 1)]
      if pattern > 0 { cases.append((value(pattern).nextDown, pattern)) }
    }
    cases += [(65_519, 0x7BFF), (65_520, 0x7C00), (1e30, 0x7C00), (.infinity, 0x7C00)]
    cases += cases.map { (-$0.value, $0.half | 0x8000) }
    let wrong = zip(cases, encode(.f16, cases.map(\.value))).filter { $0.half != $1 }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
    #expect(decode(.f16, encode(.f16, [.nan]))[0].isNaN)
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

extension ElementType {
  /// Whether one stored number is finite, read from an address that is aligned to nothing.
  fileprivate func isFinite<Number: BitwiseCopyable>(_ number: Number) -> Bool {
    let bytes = [UInt8(0xFF)] + withUnsafeBytes(of: number) { Array($0) }
    return bytes.withUnsafeBytes { isFinite(UnsafeRawBufferPointer(rebasing: $0.dropFirst())) }
  }
}
