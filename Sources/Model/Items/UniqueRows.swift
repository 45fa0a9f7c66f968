package import Tensors

/// The distinct rows of a step's lists, owner after owner, and where each entry of a list stands among them.
///
/// Rows of one owner ascend; on one rank all do. In that order what an owner sends lands where it belongs.
///
/// Memory and time grow with the lists, never with the catalogue. Reused from step to step: once there is room for the largest step
/// it allocates nothing. Ours.
package final class UniqueRows {
  /// How many rows are distinct.
  package private(set) var count = 0
  private let partition: RowPartition
  private var keys = Storage<Int32>(count: 0)
  private var indices = Storage<Int32>(count: 0)
  private var found = Storage<Int32>(count: 0)
  private var spare = Storage<Int32>(count: 0)
  private var mask = 0

  /// Makes an empty set of rows of a table that is shared out like `partition`; by default all rows have one owner.
  package init(of partition: RowPartition = RowPartition(rows: 0, ranks: 1)) { self.partition = partition }

  /// The distinct rows; valid until the next `collect`.
  package var rows: RowList { RowList(start: found.base, count: count) }

  /// Collects the distinct rows of up to three lists; as an array of them they would be allocated in every step.
  package func collect(_ first: RowList, _ second: RowList? = nil, _ third: RowList? = nil) {
    empty(for: first.count + (second?.count ?? 0) + (third?.count ?? 0))
    add(first)
    if let second { add(second) }
    if let third { add(third) }
    sort()
    for position in 0..<count { indices.base[slot(of: found.base[position])] = Int32(position) }
  }

  private func add(_ list: RowList) {
    for row in list {
      let slot = slot(of: row)
      guard keys.base[slot] != row else { continue }
      keys.base[slot] = row
      found.base[count] = row
      count += 1
    }
  }

  /// Writes where each entry of `list` stands among the distinct rows; every entry must have been collected.
  package func locate(_ list: RowList, into target: UnsafeMutablePointer<Int32>) {
    for (index, row) in list.enumerated() { target[index] = indices.base[slot(of: row)] }
  }

  /// Makes room for lists of so many entries together, so that collecting no more than these allocates nothing.
  package func reserve(_ entries: Int) {
    let slots = Self.slots(for: entries)
    guard slots > keys.count else { return }
    keys = Storage(count: slots)
    indices = Storage(count: slots)
    found = Storage(count: slots / 2)
    spare = Storage(count: slots / 2)
  }

  private func sort() {
    let entries = UnsafeMutableBufferPointer(start: found.base, count: count)
    guard partition.ranks > 1 else { return radixSort(entries, scratch: spare.base) }
    // Numbers that ascend owner after owner, and from which a row is got back.
    let perOwner = partition.count(ownedBy: 0)
    for position in 0..<count {
      let row = Int(entries[position])
      entries[position] = Int32(partition.owner(of: row) * perOwner + partition.localRow(of: row))
    }
    radixSort(entries, scratch: spare.base)
    for position in 0..<count {
      let (owner, local) = Int(entries[position]).quotientAndRemainder(dividingBy: perOwner)
      entries[position] = Int32(partition.row(local, ownedBy: owner))
    }
  }

  /// Slots of a hash table for so many entries: at least twice as many, a power of two.
  private static func slots(for entries: Int) -> Int {
    var slots = 1024
    while slots < 2 * entries { slots *= 2 }
    return slots
  }

  /// Forgets everything, and uses as much of the table as `entries` entries need.
  private func empty(for entries: Int) {
    reserve(entries)
    mask = Self.slots(for: entries) - 1
    keys.base.update(repeating: -1, count: mask + 1)
    count = 0
  }

  /// The slot that holds `row`, or the free one where it belongs (linear probing).
  private func slot(of row: Int32) -> Int {
    var slot = Int((UInt32(bitPattern: row) &* 0x9E37_79B1) >> 7) & mask
    while keys.base[slot] != row && keys.base[slot] != -1 { slot = (slot + 1) & mask }
    return slot
  }
}
