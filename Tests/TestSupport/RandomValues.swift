/// Test inputs as pure functions of (seed, position), the same on every machine.
///
/// SplitMix64's finalizer over seed and position; deliberately not the product's generator.
package enum RandomValues {
  /// A hash of `seed` and `position` with 64 well-mixed bits.
  package static func bits(seed: UInt64, _ position: Int) -> UInt64 {
    var z = seed &* 0xD1B5_4A32_D192_ED03 &+ (UInt64(bitPattern: Int64(position)) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` values uniform in [center − scale, center + scale).
  package static func floats(_ count: Int, seed: UInt64, scale: Float = 1, center: Float = 0) -> [Float] {
    (0..<count).map { position in
      let unit = Float(bits(seed: seed, position) >> 40) * 0x1p-23 - 1  // 24 bits: exact, in [-1, 1)
      return center + scale * unit
    }
  }

  /// `count` integers uniform in 0..<limit.
  package static func integers(_ count: Int, below limit: Int, seed: UInt64) -> [Int] {
    (0..<count).map { Int(bits(seed: seed, $0) % UInt64(limit)) }
  }
}
