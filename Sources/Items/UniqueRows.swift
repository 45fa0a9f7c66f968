public import Tensors

/// The distinct rows of a step's lists, ascending, and where each entry of a list stands among them.
///
/// Memory and time grow with the lists, never with the catalogue. Reused from step to step: once the largest step has been
/// seen it allocates nothing. Ours.
public final class UniqueRows {
  /// Makes an empty set.
  public init() {}

  /// The distinct rows, ascending; valid until the next `collect`.
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
    var entries = UnsafeMutableBufferPointer(start: found.base, count: count)
    entries.sort()
    for place in 0..<count { places.base[slot(of: found.base[place])] = Int32(place) }
  }

  /// Writes where each entry of `list` stands among the distinct rows; every entry must have been collected.
  public func locate(_ list: RowList, into target: UnsafeMutablePointer<Int32>) {
    for (index, row) in list.enumerated() { target[index] = places.base[slot(of: row)] }
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

  private var keys = Storage<Int32>(count: 0)
  private var places = Storage<Int32>(count: 0)
  private var found = Storage<Int32>(count: 0)
}
