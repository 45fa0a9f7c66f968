/// Open addressing with linear probing: how many slots a table has, and where it looks for an entry.
///
/// What stands in a slot, and which entries are alike, is the table's own affair. Half of the slots stay free, so that a look ends soon.
/// Ours. Tables of other rooms (`UniqueRows`, `KeyIndices`) probe for themselves: the compiler puts no function of another room in line,
/// and a call for each slot would cost more than the look.
struct Probing {
  /// The number of slots less one; their number is a power of two.
  private let mask: Int

  /// Puts so many slots up, a power of two.
  init(slots: Int) {
    precondition(slots > 0 && slots & (slots - 1) == 0, "\(slots) slots")
    mask = slots - 1
  }

  /// How many slots there are.
  var count: Int { mask + 1 }

  /// Whether one entry more than these needs more slots.
  func isFull(_ entries: Int) -> Bool { 2 * entries >= count }

  /// Twice as many.
  var doubled: Probing { Probing(slots: 2 * count) }

  /// The first slot from where the hash points that the entry is in, or would be: the one that `isEnd` says so of.
  @inline(__always)
  func slot(from hash: Int, where isEnd: (Int) -> Bool) -> Int {
    var slot = hash & mask
    while !isEnd(slot) { slot = (slot + 1) & mask }
    return slot
  }
}
