import Files

/// A seeded share of the items that no training event may show: the cold protocol.
///
/// docs/data.md, "Protocols". Whether an item is cold follows from the seed and its id alone, not from the order of the rows or from what
/// other items there are, so the same item is cold before and after an append. Ours.
package struct ColdItems: Sendable, Equatable, CustomStringConvertible {
  /// The share of the items, above 0 and below 1.
  package let share: Double
  /// The seed of the draw.
  package let seed: UInt64

  /// Reads `SHARE` or `SHARE:SEED`, the share as `0.2` or `20%`; the seed is 1 unless given.
  ///
  /// Throws `InputError` for anything else.
  package init(_ text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let isPercent = parts[0].hasSuffix("%")
    let number = Double(isPercent ? String(parts[0].dropLast()) : parts[0]).map { isPercent ? $0 / 100 : $0 }
    guard let share = number, share > 0, share < 1, let seed = parts.count == 1 ? 1 : UInt64(parts[1]) else {
      throw InputError("cold items are SHARE or SHARE:SEED, the share between 0 and 1 (0.2 or 20%), as in 0.2:1, not \(text)")
    }
    (self.share, self.seed) = (share, seed)
  }

  /// The command line's spelling, with the seed.
  package var description: String { "\(share):\(seed)" }

  /// Whether the item with these id bytes is cold.
  package func contains(_ id: UnsafeRawBufferPointer) -> Bool {
    let bits = VirtualShards.finalize(VirtualShards.hash(id) ^ VirtualShards.finalize(seed &+ 0x636F_6C64))
    return Double(bits >> 11) * 0x1p-53 < share
  }
}

/// What the cold protocol kept out of training: part of a data set's manifest.
package struct ColdCounts: Codable, Sendable, Equatable {
  /// Cold items of the catalogue.
  @Bounded<ItemBounds> package var items = 0
  /// Events on them that would be training events; they are stored, and nothing reads them but an append.
  @Bounded<CountBounds> package var eventsLeftOut = 0
  /// Validation events on cold items.
  @Bounded<CountBounds> package var validation = 0
  /// Test events on cold items.
  @Bounded<CountBounds> package var test = 0
  /// Events that would be held out, but have nothing before them once the others are left out: they are unused.
  @Bounded<CountBounds> package var withoutHistory = 0

  package init() {}
}
