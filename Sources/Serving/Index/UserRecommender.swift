package import Datasets

/// Whatever gives users lists of items: by all products, by an index, or through items.
package protocol UserRecommender {
  /// The best items for each user; fewer than k where there are no more.
  ///
  /// Throws `InputError` when a history cannot be read or there is no memory.
  func recommend(_ users: [UserEvents], history: ServedModel.HistoryExtent) throws -> [[Recommender.Recommendation]]
}

extension Recommender: UserRecommender {}
extension IndexedRecommender: UserRecommender {}
extension NeighborWalk: UserRecommender {}

/// How lists are made where it is not by all products.
package enum RecommendationWay: String, Sendable, CaseIterable {
  /// From the newest events to the items most like each: `NeighborWalk`.
  case items
}

extension Recommender {
  /// The way that was asked for.
  ///
  /// Throws `InputError` when the index is damaged or of another model.
  ///
  /// - Parameters:
  ///   - index: an index's folder; nil = by all products.
  ///   - way: through what; nil = by users' embeddings.
  package func way(index: String?, through way: RecommendationWay?) throws -> any UserRecommender {
    let index = try index.map { try ItemIndex(path: $0, for: served) }
    if way == .items { return NeighborWalk(served, index: index, rules: rules) }
    return index.map { IndexedRecommender(served, index: $0, rules: rules) } ?? self
  }
}
