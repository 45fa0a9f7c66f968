/// A seeded permutation of `0 ..< count` that is computed, not stored: any place of it, in any order, in constant memory.
///
/// A four-round Feistel network over the next power of four, walked until it lands inside (Black & Rogaway 2002, "cycle
/// walking"). Ours, so that a data position is one number and a resumed run goes on with the very next user.
package struct KeyedPermutation: Sendable {
  /// The number of elements.
  package let count: Int
  private let keys: (UInt32, UInt32, UInt32, UInt32)
  private let half: UInt32

  /// Makes the permutation number `row` of a stream: another row, another order.
  package init(count: Int, stream: RandomStream, row: UInt64) {
    precondition(count > 0, "a permutation of \(count)")
    self.count = count
    let (a, b, c, d) = stream.words(row: row)
    keys = (a, b, c, d)
    var bits: UInt32 = 1
    while (1 << (2 * bits)) < count { bits += 1 }
    half = bits
  }

  /// The element at a place.
  package subscript(index: Int) -> Int {
    precondition((0..<count).contains(index), "place \(index) of \(count)")
    var value = UInt64(index)
    repeat { value = shuffle(value) } while value >= UInt64(count)
    return Int(value)
  }

  private func shuffle(_ value: UInt64) -> UInt64 {
    let mask = (UInt32(1) << half) &- 1
    var left = UInt32(truncatingIfNeeded: value >> UInt64(half)) & mask
    var right = UInt32(truncatingIfNeeded: value) & mask
    for key in [keys.0, keys.1, keys.2, keys.3] {
      (left, right) = (right, (left ^ Self.mix(right ^ key)) & mask)
    }
    return UInt64(left) << UInt64(half) | UInt64(right)
  }

  /// A 32-bit finalizer (MurmurHash3's).
  private static func mix(_ value: UInt32) -> UInt32 {
    var x = value
    x = (x ^ (x >> 16)) &* 0x85EB_CA6B
    x = (x ^ (x >> 13)) &* 0xC2B2_AE35
    return x ^ (x >> 16)
  }
}
