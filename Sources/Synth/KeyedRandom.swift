import Glibc

/// Random numbers that are a pure function of (seed, purpose, index) and of how many were drawn.
///
/// The output function of SplitMix64 over a counter; each user and item has a sequence of its own, so a
/// world can be made in any order and any part of it alone.
struct KeyedRandom {
  /// What the numbers are for; equal indices of different purposes share nothing.
  enum Purpose: UInt64 {
    case item = 1
    case popularity
    case user
    case vocabulary
    case series
    case release
  }

  private var state: UInt64

  init(seed: UInt64, _ purpose: Purpose, _ index: Int) {
    state = Self.mixed(Self.mixed(Self.mixed(seed &+ 1) ^ purpose.rawValue) ^ UInt64(index))
  }

  /// 64 random bits.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mixed(state)
  }

  /// Uniform in [0, 1).
  mutating func unit() -> Double {
    Double(next() &>> 11) * 0x1p-53
  }

  /// Uniform in 0..<count; count is far below 2^32, so that the bias of the multiplication does not matter.
  mutating func below(_ count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// True with a probability.
  mutating func chance(_ probability: Double) -> Bool {
    unit() < probability
  }

  /// Exponential of mean 1.
  mutating func exponential() -> Double {
    -log(1 - unit())
  }

  /// Standard normal (Box and Muller).
  mutating func normal() -> Double {
    let radius = (2 * exponential()).squareRoot()
    return radius * cos(2 * .pi * unit())
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits &>> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits &>> 31)
  }
}
