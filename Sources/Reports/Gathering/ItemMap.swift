import Datasets
import Evaluation
import Runs
import Serving
import Tensors

/// A sample of the items that were trained on, laid out on a plane by their embeddings.
package struct ItemMap: Sendable {
  /// An item.
  package struct Item: Sendable {
    /// Where it stands.
    package let (x, y): (Double, Double)
    /// Its id in the data set.
    package let id: String
    /// Its text; empty when it has none.
    package let title: String
    /// The number of its group.
    package let group: Int
    /// How often it was trained on.
    package let trainEvents: Int
  }

  /// The most groups that are told apart; the last of more is all others.
  static let mostGroups = 8

  /// The sampled items.
  package let items: [Item]
  /// The names of the groups: scenes, the largest first.
  package let groups: [String]
  /// How many items were trained on.
  package let trained: Int
  /// The share of the sample's variance along each axis.
  package let shares: (x: Double, y: Double)
  /// The phase whose model embeds them.
  package let phase: String

  /// Lays out items; nil of fewer than three, and of items that are all alike.
  ///
  /// The sample is of the items whose ids have the lowest hashes, so it stays the same when a data set grows, but for new items.
  ///
  /// - Parameter most: items at most.
  init?(_ served: ServedModel, most: Int) throws {
    let catalogue = served.dataset.items
    let all = catalogue.trainCounts.indices.filter { catalogue.trainCounts[$0] > 0 }
    let sample = all.map { (key: catalogue.key($0), item: $0) }.sorted { ($0.key, $0.item) < ($1.key, $1.item) }.prefix(most)
      .map(\.item).sorted()
    let width = served.catalogue.widthWithoutCodes
    var rows: [[Float]] = []
    for start in stride(from: 0, to: sample.count, by: Catalogue.blockRows) {
      let block = sample[start..<min(start + Catalogue.blockRows, sample.count)].map { Int32($0) }
      try served.workspace.scope {
        let embeddings = served.workspace.matrix(block.count, served.width)
        try block.withUnsafeBufferPointer { try served.catalogue.embed($0, into: embeddings, workspace: served.workspace) }
        rows += block.indices.map { row in (0..<width).map { embeddings[row, $0] } }
      }
    }
    guard let axes = PrincipalAxes(rows) else { return nil }
    let (groups, group) = Self.groups(sample, served.dataset)
    items = sample.enumerated().map { number, item in
      Item(
        x: axes.points[number].x, y: axes.points[number].y, id: catalogue.id(item), title: served.dataset.title(item),
        group: group[number], trainEvents: Int(catalogue.trainCounts[item]))
    }
    (self.groups, trained, shares, phase) = (groups, all.count, axes.shares, served.plan.name)
  }

  /// Scenes, largest first, and each item's; an item of several scenes is of `several scenes`.
  private static func groups(_ sample: [Int], _ dataset: Dataset) -> (names: [String], of: [Int]) {
    let names = sample.map { item -> String in
      let scenes = dataset.items.scenes(item)
      return scenes.count == 1 ? dataset.scenes[scenes[0]] : scenes.isEmpty ? "no scene" : "several scenes"
    }
    let counts = names.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    var order = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    if order.count > mostGroups { order = order.prefix(mostGroups - 1) + ["other scenes"] }
    let last = order.count - 1
    return (order, names.map { name in order.firstIndex(of: name) ?? last })
  }
}
