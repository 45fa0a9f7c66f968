/// The k best of the items offered, in constant memory: one routine for recommendations and for similar items.
///
/// Ours. A binary heap of k entries with the worst on top, so that most offers cost one comparison. Of equal scores the lower
/// catalogue row is the better; NaN is never taken.
struct TopItems {
  /// An item with its score.
  package struct Entry: Sendable, Equatable {
    /// The catalogue row.
    package let item: Int
    /// The score.
    package let score: Float

    /// Puts an item and its score together.
    package init(item: Int, score: Float) {
      self.item = item
      self.score = score
    }

    func isBetter(than other: Entry) -> Bool { score > other.score || (score == other.score && item < other.item) }
  }

  private let capacity: Int
  /// A heap in which no entry is better than its children.
  private var heap: [Entry] = []

  /// Selects the best `count`.
  init(_ count: Int) {
    precondition(count > 0, "the best \(count)")
    capacity = count
  }

  /// Takes the item in if it is among the best so far.
  @inline(__always)
  package mutating func offer(_ item: Int, _ score: Float) {
    if heap.count == capacity && !(score >= heap[0].score) { return }
    insert(Entry(item: item, score: score))
  }

  /// The best, best first.
  package var best: [Entry] { heap.sorted { $0.isBetter(than: $1) } }

  private mutating func insert(_ entry: Entry) {
    guard !entry.score.isNaN else { return }
    if heap.count < capacity {
      heap.append(entry)
      rise()
    } else if entry.isBetter(than: heap[0]) {
      heap[0] = entry
      sink()
    }
  }

  private mutating func rise() {
    var index = heap.count - 1
    while index > 0, heap[(index - 1) / 2].isBetter(than: heap[index]) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func sink() {
    var index = 0
    while 2 * index + 1 < heap.count {
      var child = 2 * index + 1
      if child + 1 < heap.count && heap[child].isBetter(than: heap[child + 1]) { child += 1 }
      guard heap[index].isBetter(than: heap[child]) else { return }
      heap.swapAt(index, child)
      index = child
    }
  }
}
