/// The items of a catalogue that were trained on, in ten groups of equal numbers of items by their number of training events.
///
/// Items by count falling, equal counts by row, as in `PopularityOrder`: decile 1 has the most popular tenth, decile 10 the rarest. Where
/// ten do not divide the items, groups differ by one item. Items without a training event belong to none (`PopularityBuckets` counts
/// them as unseen), and a catalogue with fewer than ten trained items has no deciles.
package struct PopularityDeciles: Sendable {
  /// The number of groups.
  package static let count = 10

  /// The groups, most popular first; none where there are too few trained items.
  package let groups: [MetricGroup]
  /// The first item of each decile: an item's decile is found by comparing, so that no table of all items is needed.
  private let firsts: [Int32]
  private let counts: [UInt32]

  /// Sorts a catalogue by its training counts.
  package init(trainCounts: some Collection<UInt32>) {
    self.init(PopularityOrder(trainCounts))
  }

  init(_ order: PopularityOrder) {
    let trained = order.trained
    guard trained >= Self.count else {
      (groups, firsts, counts) = ([], [], [])
      return
    }
    let edges = (0...Self.count).map { $0 * trained / Self.count }
    counts = order.counts
    firsts = edges.dropLast().map { order.rows[$0] }
    groups = (0..<Self.count).map { decile in
      let (most, fewest) = (order.rows[edges[decile]], order.rows[edges[decile + 1] - 1])
      return MetricGroup(
        kind: .decile, name: "decile_\(decile + 1)",
        trainEvents: Int(order.counts[Int(fewest)])...Int(order.counts[Int(most)]))
    }
  }

  /// The number, in `groups`, of an item's decile; nil for an item without a training event, and where there are no deciles.
  package func number(of item: Int) -> Int? {
    guard !firsts.isEmpty, counts[item] > 0 else { return nil }
    let reached = firsts.count { first in
      let (count, own) = (counts[Int(first)], counts[item])
      return count > own || (count == own && Int(first) <= item)
    }
    return reached - 1
  }
}
