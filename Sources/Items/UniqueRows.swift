public import Tensors

/// The distinct rows of a step's lists, owner after owner, and where each entry of a list stands among them.
///
/// Rows of one owner ascend; on one rank all do. In that order what an owner sends lands where it belongs.
///
/// Memory and time grow with the lists, never with the catalogue. Reused from step to step: once the largest step has been
/// seen it allocates nothing. Ours.
public final class UniqueRows {
  /// Makes an empty set of rows of a table that is shared out like `partition`; by default all rows have one owner.
  public init(of partition: RowPartition = RowPartition(rows: 0, ranks: 1)) { self.partition = partition }

  /// The distinct rows; valid until the next `collect`.
  public var rows: RowList { RowList(start: found.base, count: count) }
  /// How many rows are distinct.
  public private(set) var count = 0

  /// Collects the distinct rows of a few lists.
  public func collect(_ lists: RowList...) {
    reserve(lists.reduce(0) { $0 + $1.count })
    count = 0
    for list in lists {
      for row in list {
        let slot = slot(of: row)
        guard keys.base[slot] != row else { continue }
        keys.base[slot] = row
        found.base[count] = row
        count += 1
      }
    }
    sort()
    for place in 0..<count { places.base[slot(of: found.base[place])] = Int32(place) }
  }

  /// Writes where each entry of `list` stands among the distinct rows; every entry must have been collected.
  public func locate(_ list: RowList, into target: UnsafeMutablePointer<Int32>) {
    for (index, row) in list.enumerated() { target[index] = places.base[slot(of: row)] }
  }

  private func sort() {
    var entries = UnsafeMutableBufferPointer(start: found.base, count: count)
    guard partition.ranks > 1 else { return entries.sort() }
    // Numbers that ascend owner after owner, and from which a row is got back.
    let perOwner = partition.count(ownedBy: 0)
    for place in 0..<count {
      let row = Int(entries[place])
      entries[place] = Int32(partition.owner(of: row) * perOwner + partition.localRow(of: row))
    }
    entries.sort()
    for place in 0..<count {
      let (owner, local) = Int(entries[place]).quotientAndRemainder(dividingBy: perOwner)
      entries[place] = Int32(partition.row(local, ownedBy: owner))
    }
  }

  /// Empties a hash table of at least twice as many slots as there are entries.
  private func reserve(_ entries: Int) {
    var capacity = 1024
    while capacity < 2 * entries { capacity *= 2 }
    if capacity > keys.count {
      keys = Storage(count: capacity)
      places = Storage(count: capacity)
      found = Storage(count: capacity / 2)
    }
    keys.buffer.update(repeating: -1)
  }

  /// The slot that holds `row`, or the free one where it belongs (linear probing).
  private func slot(of row: Int32) -> Int {
    let mask = keys.count - 1
    var slot = Int((UInt32(bitPattern: row) &* 0x9E37_79B1) >> 7) & mask
    while keys.base[slot] != row && keys.base[slot] != -1 { slot = (slot + 1) & mask }
    return slot
  }

  private let partition: RowPartition
  private var keys = Storage<Int32>(count: 0)
  private var places = Storage<Int32>(count: 0)
  private var found = Storage<Int32>(count: 0)
}
