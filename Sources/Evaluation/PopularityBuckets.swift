/// Which items are head, middle, tail and cold, by their number of training events.
///
/// docs/model.md, section 6.
///
/// Items by count falling, equal counts by row: the first 20 % are head, the next 30 % mid, the rest tail. Cold items have at
/// most five training events, unseen ones none (so unseen ⊂ cold, and both lie across the other three).
public struct PopularityBuckets: Sendable {
  /// The buckets' names, in the order in which they are reported.
  public static let names = ["all", "head", "mid", "tail", "cold", "unseen"]

  /// Sorts a catalogue by its training counts.
  public init(trainCounts: some Collection<UInt32>) {
    self.init(PopularityOrder(trainCounts))
  }

  init(_ order: PopularityOrder) {
    let (headEnd, midEnd) = (order.rows.count / 5, order.rows.count / 2)
    var places = [UInt8](repeating: 0, count: order.rows.count)
    for (rank, item) in order.rows.enumerated() {
      places[Int(item)] = rank < headEnd ? 1 : rank < midEnd ? 2 : 3
    }
    self.places = places
    counts = order.counts
  }

  /// The one bucket of head, mid and tail that an item belongs to.
  public func share(of item: Int) -> String { Self.names[Int(places[item])] }

  /// The numbers, in `names`, of the buckets that an item belongs to.
  public func buckets(of item: Int) -> [Int] {
    var buckets = [0, Int(places[item])]
    if counts[item] <= 5 { buckets.append(4) }
    if counts[item] == 0 { buckets.append(5) }
    return buckets
  }

  private let places: [UInt8]
  private let counts: [UInt32]
}
