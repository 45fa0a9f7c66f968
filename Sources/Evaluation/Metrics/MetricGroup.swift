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
package struct PopularityBuckets {
  /// The buckets' names, in the order in which they are reported.
  package static let names = ["all", "head", "mid", "tail", "cold", "unseen"]
  private let order: PopularityOrder
  /// The first mid item; nil where there are no mid items, and so no head.
  private let firstMid: Int32?
  /// The first tail item; nil of an empty catalogue.
  private let firstTail: Int32?

  /// Looks at a catalogue's training counts, which must stay where they are as long as the buckets live.
  package init(trainCounts: UnsafeBufferPointer<UInt32>) {
    self.init(PopularityOrder(trainCounts))
  }

  init(_ order: PopularityOrder) {
    self.order = order
    let items = order.counts.count
    firstMid = items / 5 < items / 2 ? order.item(at: items / 5) : nil
    firstTail = items > 0 ? order.item(at: items / 2) : nil
  }

  /// The one bucket of head, mid and tail that an item belongs to.
  package func share(of item: Int) -> String { Self.names[index(of: item)] }

  /// The numbers, in `names`, of the buckets that an item belongs to.
  package func buckets(of item: Int) -> [Int] {
    var buckets = [0, index(of: item)]
    if order.counts[item] <= 5 { buckets.append(4) }
    if order.counts[item] == 0 { buckets.append(5) }
    return buckets
  }

  private func index(of item: Int) -> Int {
    if let firstMid, order.isBefore(item, firstMid) { return 1 }
    if let firstTail, order.isBefore(item, firstTail) { return 2 }
    return 3
  }
}
