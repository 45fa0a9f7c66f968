import Datasets

/// A group of evaluated users that metrics are given for.
package struct MetricGroup: Sendable, Hashable {
  /// What its users have in common.
  package enum Kind: String, Sendable, CaseIterable {
    /// How often the held-out item was trained on (`PopularityBuckets`).
    case bucket
    /// The same in ten groups of equal numbers of items (`PopularityDeciles`).
    case decile
    /// The scene of the held-out event.
    case scene
    /// The behavior of the held-out event.
    case behavior
  }

  /// What its users have in common.
  package let kind: Kind
  /// The bucket's, decile's, scene's or behavior's name.
  package let name: String
  /// The training events of the least and the most popular item of a decile; nil of other groups.
  package let trainEvents: ClosedRange<Int>?

  init(kind: Kind, name: String, trainEvents: ClosedRange<Int>? = nil) {
    (self.kind, self.name, self.trainEvents) = (kind, name, trainEvents)
  }

  /// Every evaluated user.
  package static let all = bucket("all")
  /// The popularity buckets, in the order in which they are reported.
  package static let buckets = PopularityBuckets.names.map(bucket)

  /// A bucket of `PopularityBuckets.names`.
  package static func bucket(_ name: String) -> MetricGroup { MetricGroup(kind: .bucket, name: name) }
}

/// Which groups the evaluated users of a data set fall into.
struct EvaluationGroups {
  /// Of a data set with more scenes, or more behaviors, none has a group (ours: sums are kept by virtual shard).
  static let mostCategories = 256

  /// The groups: popularity buckets, then deciles, scenes and behaviors.
  let groups: [MetricGroup]
  private let buckets: PopularityBuckets
  private let deciles: PopularityDeciles?
  private let firstDecile: Int
  private let firstScene: Int?
  private let firstBehavior: Int?

  /// Popularity buckets alone.
  init(_ buckets: PopularityBuckets) {
    self.buckets = buckets
    groups = MetricGroup.buckets
    (deciles, firstDecile) = (nil, groups.count)
    (firstScene, firstBehavior) = (nil, nil)
  }

  /// Popularity buckets and deciles, and scenes and behaviors where the data set has several.
  init(_ buckets: PopularityBuckets, _ deciles: PopularityDeciles, of dataset: Dataset) {
    self.buckets = buckets
    self.deciles = deciles
    var groups = MetricGroup.buckets
    firstDecile = groups.count
    groups += deciles.groups
    func add(_ kind: MetricGroup.Kind, _ names: [String]) -> Int? {
      guard (2...Self.mostCategories).contains(names.count) else { return nil }
      defer { groups += names.map { MetricGroup(kind: kind, name: $0) } }
      return groups.count
    }
    firstScene = add(.scene, dataset.scenes)
    firstBehavior = add(.behavior, dataset.behaviors)
    self.groups = groups
  }

  /// The numbers, in `groups`, of those that a held-out event falls into.
  func numbers(of event: Int, _ events: UserEvents) -> [Int] {
    let item = Int(events.items[event])
    var numbers = buckets.buckets(of: item)
    if let decile = deciles?.number(of: item) { numbers.append(firstDecile + decile) }
    if let firstScene { numbers.append(firstScene + Int(events.scenes[event])) }
    if let firstBehavior { numbers.append(firstBehavior + Int(events.behaviors[event])) }
    return numbers
  }
}

/// Which items are head, middle, tail and cold, by their number of training events.
///
/// docs/model.md, section 6.
///
/// Items by count falling, equal counts by row: the first 20 % are head, the next 30 % mid, the rest tail. Cold items have at
/// most five training events, unseen ones none (so unseen ⊂ cold, and both lie across the other three).
package struct PopularityBuckets: Sendable {
  /// The buckets' names, in the order in which they are reported.
  package static let names = ["all", "head", "mid", "tail", "cold", "unseen"]
  private let indices: [UInt8]
  private let counts: [UInt32]

  /// Sorts a catalogue by its training counts.
  package init(trainCounts: some Collection<UInt32>) {
    self.init(PopularityOrder(trainCounts))
  }

  init(_ order: PopularityOrder) {
    let (headEnd, midEnd) = (order.rows.count / 5, order.rows.count / 2)
    var indices = [UInt8](repeating: 0, count: order.rows.count)
    for (rank, item) in order.rows.enumerated() {
      indices[Int(item)] = rank < headEnd ? 1 : rank < midEnd ? 2 : 3
    }
    self.indices = indices
    counts = order.counts
  }

  /// The one bucket of head, mid and tail that an item belongs to.
  package func share(of item: Int) -> String { Self.names[Int(indices[item])] }

  /// The numbers, in `names`, of the buckets that an item belongs to.
  package func buckets(of item: Int) -> [Int] {
    var buckets = [0, Int(indices[item])]
    if counts[item] <= 5 { buckets.append(4) }
    if counts[item] == 0 { buckets.append(5) }
    return buckets
  }
}
