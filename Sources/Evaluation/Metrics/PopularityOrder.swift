/// The order of a catalogue's items by their number of training events, most first, equal counts by row.
///
/// Ours. What is kept is how many items have each number of events, and not a table of all items, which every rank would have to hold:
/// an item's place among others is found by comparing.
struct PopularityOrder {
  /// Training events by catalogue row, where the caller has them.
  let counts: UnsafeBufferPointer<UInt32>
  /// The numbers of events that occur, falling, each with how many items have at least as many.
  private let levels: [(count: UInt32, end: Int)]

  /// Counts a catalogue's items; `counts` must stay where they are as long as the order lives.
  init(_ counts: UnsafeBufferPointer<UInt32>) {
    self.counts = counts
    // Nearly all items have few events.
    var (few, many) = ([Int](repeating: 0, count: 1 << 16), [UInt32: Int]())
    for count in counts {
      if count < few.count { few[Int(count)] += 1 } else { many[count, default: 0] += 1 }
    }
    for (count, items) in few.enumerated() where items > 0 { many[UInt32(count)] = items }
    var end = 0
    levels = many.sorted { $0.key > $1.key }.map { count, items in
      end += items
      return (count, end)
    }
  }

  /// How many items have a training event.
  var trained: Int { notBelow(count: 1) }

  /// The training events of the item at a place from 0.
  func count(at place: Int) -> UInt32 { levels[level(at: place)].count }

  /// The item at a place from 0; one pass over the catalogue.
  func item(at place: Int) -> Int32 {
    let level = level(at: place)
    var ahead = place - (level > 0 ? levels[level - 1].end : 0)
    for (item, count) in counts.enumerated() where count == levels[level].count {
      if ahead == 0 { return Int32(item) }
      ahead -= 1
    }
    preconditionFailure("place \(place) of \(counts.count) items")
  }

  /// Whether an item comes before another.
  func isBefore(_ item: Int, _ other: Int32) -> Bool {
    (counts[item], Int(other)) > (counts[Int(other)], item)
  }

  /// All items in order: four bytes each.
  var rows: [Int32] { (0..<Int32(counts.count)).sorted { isBefore(Int($0), $1) } }

  /// How many items have at least as many training events as an item, itself among them.
  func notBelow(_ item: Int32) -> Int { notBelow(count: counts[Int(item)]) }

  /// How many of some distinct items have at least as many training events as an item.
  func notBelow(_ item: Int32, among items: some Sequence<Int32>) -> Int {
    let count = counts[Int(item)]
    return items.reduce(0) { $0 + (counts[Int($1)] >= count ? 1 : 0) }
  }

  private func notBelow(count: UInt32) -> Int {
    let level = first { levels[$0].count < count }
    return level > 0 ? levels[level - 1].end : 0
  }

  private func level(at place: Int) -> Int { first { levels[$0].end > place } }

  /// The first level of which something holds that holds of all later ones.
  private func first(_ holds: (Int) -> Bool) -> Int {
    var (low, high) = (0, levels.count)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
