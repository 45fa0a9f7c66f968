import Tensors

/// The items of a catalogue by their number of training events, most first, equal counts by row.
struct PopularityOrder {
  /// Catalogue rows.
  let rows: [Int32]
  /// Training events by catalogue row.
  let counts: [UInt32]

  init(_ trainCounts: some Collection<UInt32>) {
    let counts = Array(trainCounts)
    self.counts = counts
    rows = (0..<Int32(counts.count)).sorted { (counts[Int($0)], $1) > (counts[Int($1)], $0) }
  }

  /// How many items have a training event.
  var trained: Int { notBelow(count: 1) }

  /// How many items have at least as many training events as an item, itself among them.
  func notBelow(_ item: Int32) -> Int { notBelow(count: counts[Int(item)]) }

  private func notBelow(count: UInt32) -> Int {
    var (low, high) = (0, rows.count)
    while low < high {
      let middle = (low + high) / 2
      if counts[Int(rows[middle])] >= count { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// How many of some distinct items have at least as many training events as an item.
  func notBelow(_ item: Int32, among items: some Sequence<Int32>) -> Int {
    let count = counts[Int(item)]
    return items.reduce(0) { $0 + (counts[Int($1)] >= count ? 1 : 0) }
  }
}

/// Ranks items by how often they were trained on, for everybody alike.
struct PopularityScorer: Scorer {
  let order: PopularityOrder

  func rank(_ round: EvaluationRound, into standings: Standings, workspace: Workspace, progress: (Int) -> Void) throws {
    for (slot, user) in round.users.enumerated() {
      let excluded = round.excluded(user)
      standings.ranks[slot] = Int32(order.notBelow(user.target) - order.notBelow(user.target, among: excluded))
      standings.first?.append(mostPopular: order, for: slot) { excluded.contains($0) }
    }
  }
}

extension FirstItems {
  /// Fills a user's list up with the most popular items that are not left out.
  func append(mostPopular order: PopularityOrder, for user: Int, isExcluded: (Int32) -> Bool) {
    for row in order.rows {
      guard !isFull(user) else { return }
      if !isExcluded(row) { append(row, for: user) }
    }
  }
}
