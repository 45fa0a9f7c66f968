import Datasets

/// A group of judged users that metrics are given for.
public struct MetricGroup: Sendable, Hashable {
  /// What its users have in common.
  public enum Kind: String, Sendable, CaseIterable {
    /// How often the held-out item was trained on (`PopularityBuckets`).
    case bucket
    /// The scene of the held-out event.
    case scene
    /// The behavior of the held-out event.
    case behavior
  }

  /// What its users have in common.
  public let kind: Kind
  /// The bucket's, scene's or behavior's name.
  public let name: String

  /// Every judged user.
  public static let all = bucket("all")
  /// The popularity buckets, in the order in which they are reported.
  public static let buckets = PopularityBuckets.names.map(bucket)

  /// A bucket of `PopularityBuckets.names`.
  public static func bucket(_ name: String) -> MetricGroup { MetricGroup(kind: .bucket, name: name) }
}

/// Which groups the judged users of a data set fall into.
struct JudgedGroups {
  /// Of a data set with more scenes, or more behaviors, none has a group (ours: sums are kept by virtual shard).
  static let mostCategories = 256

  /// The groups: popularity buckets, then scenes, then behaviors.
  let groups: [MetricGroup]

  /// Popularity buckets alone.
  init(_ buckets: PopularityBuckets) {
    self.buckets = buckets
    groups = MetricGroup.buckets
    (firstScene, firstBehavior) = (nil, nil)
  }

  /// Popularity buckets, and scenes and behaviors where the data set has several.
  init(_ buckets: PopularityBuckets, of dataset: Dataset) {
    self.buckets = buckets
    var groups = MetricGroup.buckets
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
    var numbers = buckets.buckets(of: Int(events.items[event]))
    if let firstScene { numbers.append(firstScene + Int(events.scenes[event])) }
    if let firstBehavior { numbers.append(firstBehavior + Int(events.behaviors[event])) }
    return numbers
  }

  private let buckets: PopularityBuckets
  private let firstScene: Int?
  private let firstBehavior: Int?
}
