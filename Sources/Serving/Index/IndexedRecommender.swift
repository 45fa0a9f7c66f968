package import Datasets
import Tensors

/// Finds the best items for users by an index: U2I without the products with all items.
///
/// What is found is scored by the products that evaluation forms, so a score is the one that `Recommender` gives. The index is asked for more
/// than k where items are left out.
package struct IndexedRecommender {
  private let served: ServedModel
  private let rules: Recommender.Rules
  private let nearest: NearestItems
  private let scene: SceneRule

  /// Recommends by a model's index; places kept for new items are not known to it.
  package init(_ served: ServedModel, index: ItemIndex, rules: Recommender.Rules) {
    precondition(rules.newPlaces == 0, "an index keeps no places for new items")
    (self.served, self.rules) = (served, rules)
    nearest = NearestItems(served, index: index)
    scene = SceneRule(served, rules.scene)
  }

  /// The best items for each user; fewer than k when there are no more candidates.
  ///
  /// Throws `InputError` when a history cannot be read or there is no memory.
  ///
  /// - Parameter history: which of their events are read.
  package func recommend(
    _ users: [UserEvents], history: ServedModel.HistoryExtent = .all
  ) throws -> [[Recommender.Recommendation]] {
    try served.workspace.scope {
      let embeddings = served.workspace.matrix(users.count, served.width)
      try served.embed(users, history: history, into: embeddings)
      return try users.enumerated().map { row, events in
        let seen = Set(events.items[..<history.end(events)])
        // Of the seen ones most are likely to be found first.
        let more = rules.filterSeen ? seen.count : 0
        let share = scene.share * Double(rules.count) / Double(rules.count + more)
        let found = try nearest.best(rules.count, for: embeddings.rows(row..<row + 1), share: share) {
          scene.allows($0) && !(rules.filterSeen && seen.contains(Int32($0)))
        }
        return found.map { .init(item: $0.item, score: $0.score, isSeen: seen.contains(Int32($0.item))) }
      }
    }
  }
}

/// Which items a scene has.
struct SceneRule {
  /// How much of the catalogue is allowed.
  let share: Double
  private let isAllowed: [Bool]?

  /// The rule of a scene; nil allows every item.
  init(_ served: ServedModel, _ scene: Int?) {
    let items = served.dataset.items
    isAllowed = scene.map { scene in (0..<items.count).map { items.scenes($0).contains(scene) } }
    share = isAllowed.map { Double($0.count { $0 }) / Double(max(1, $0.count)) } ?? 1
  }

  /// Whether an item may come.
  func allows(_ item: Int) -> Bool { isAllowed?[item] ?? true }
}
