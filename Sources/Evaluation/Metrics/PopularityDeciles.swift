/// The items of a catalogue that were trained on, in ten groups of equal numbers of items by their number of training events.
///
/// Items by count falling, equal counts by row, as in `PopularityOrder`: decile 1 has the most popular tenth, decile 10 the rarest. Where
/// ten do not divide the items, groups differ by one item. Items without a training event belong to none (`PopularityBuckets` counts
/// them as unseen), and a catalogue with fewer than ten trained items has no deciles.
package struct PopularityDeciles {
  /// The number of groups.
  package static let count = 10

  /// The groups, most popular first; none where there are too few trained items.
  package let groups: [MetricGroup]
  /// The first item of each decile: an item's decile is found by comparing, so that no table of all items is needed.
  private let firsts: [Int32]
  private let order: PopularityOrder

  /// Looks at a catalogue's training counts, which must stay where they are as long as the deciles live.
  package init(trainCounts: UnsafeBufferPointer<UInt32>) {
    self.init(PopularityOrder(trainCounts))
  }

  init(_ order: PopularityOrder) {
    self.order = order
    let trained = order.trained
    guard trained >= Self.count else {
      (groups, firsts) = ([], [])
      return
    }
    let edges = (0...Self.count).map { $0 * trained / Self.count }
    firsts = edges.dropLast().map { order.item(at: $0) }
    groups = (0..<Self.count).map { decile in
      let (most, fewest) = (order.count(at: edges[decile]), order.count(at: edges[decile + 1] - 1))
      return MetricGroup(kind: .decile, name: "decile_\(decile + 1)", trainEvents: Int(fewest)...Int(most))
    }
  }

  /// The number, in `groups`, of an item's decile; nil for an item without a training event, and where there are no deciles.
  package func number(of item: Int) -> Int? {
    guard !firsts.isEmpty, order.counts[item] > 0 else { return nil }
    return firsts.count { !order.isBefore(item, $0) } - 1
  }
}
