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
  private let candidates: CandidateRule

  /// Recommends by a model's index; places kept for scenes or new items are not known to it.
  package init(_ served: ServedModel, index: ItemIndex, rules: Recommender.Rules) {
    precondition(rules.newPlaces == 0 && rules.quotas.isEmpty, "an index keeps no places")
    (self.served, self.rules) = (served, rules)
    nearest = NearestItems(served, index: index)
    candidates = CandidateRule(ServedItems(served.dataset), rules)
  }

  /// The best items for each user; fewer than k when there are no more candidates.
  ///
  /// Throws `InputError` when a history cannot be read or there is no memory.
  ///
  /// - Parameter history: which of their events are read.
  package func recommend(
    _ users: [UserEvents], history: ServedModel.HistoryExtent
  ) throws -> [Recommender.List] {
    try served.workspace.scope {
      let embeddings = served.workspace.matrix(users.count, served.width)
      try served.embed(users, history: history, into: embeddings)
      return try users.enumerated().map { row, events in
        let seen = Set(events.items[..<history.end(events)])
        // Of the seen ones most are likely to be found first.
        let more = rules.excludesSeen ? seen.count : 0
        let share = candidates.share * Double(rules.count) / Double(rules.count + more)
        let found = try nearest.best(rules.count, for: embeddings.rows(row..<row + 1), share: share) {
          candidates.allows($0) && !(rules.excludesSeen && seen.contains(Int32($0)))
        }
        return Recommender.List(
          items: found.map { .init(item: $0.item, score: $0.score, isSeen: seen.contains(Int32($0.item))) },
          seenLeftOut: candidates.seenLeftOut(seen, rules))
      }
    }
  }
}
