import Datasets

/// A set of pairs (number, category), such as the scenes of each item.
///
/// Ours.
///
/// `Probing` over 64-bit keys, with the last category of each number remembered because events of one item mostly repeat it.
struct PairSet {
  private var probing = Probing(slots: 1_024)
  private var slots: [UInt64]
  private var last: [Int32]
  private(set) var count = 0

  /// For numbers below `numbers`; categories fit 16 bits.
  init(numbers: Int) {
    slots = Array(repeating: .max, count: probing.count)
    last = Array(repeating: -1, count: numbers)
  }

  /// Adds a pair; whether it is new.
  @inline(__always)
  @discardableResult
  mutating func insert(_ number: Int, _ category: UInt16) -> Bool {
    if last[number] == Int32(category) { return false }
    last[number] = Int32(category)
    return insert(UInt64(number) << 16 | UInt64(category))
  }

  /// All pairs in no order, the number in the upper 48 bits and the category in the lower 16.
  var keys: [UInt64] { slots.filter { $0 != .max } }

  /// All pairs, by number, then category.
  func sorted() -> [(number: Int, category: UInt16)] {
    keys.sorted().map { (Int($0 >> 16), UInt16(truncatingIfNeeded: $0)) }
  }

  private mutating func insert(_ key: UInt64) -> Bool {
    if probing.isFull(count) { grow() }
    let index = self.index(key)
    guard slots[index] != key else { return false }
    slots[index] = key
    count += 1
    return true
  }

  private func index(_ key: UInt64) -> Int {
    probing.slot(from: Int(truncatingIfNeeded: VirtualShards.finalize(key))) { slots[$0] == .max || slots[$0] == key }
  }

  private mutating func grow() {
    let old = slots
    probing = probing.doubled
    slots = Array(repeating: .max, count: probing.count)
    for key in old where key != .max { slots[index(key)] = key }
  }
}
