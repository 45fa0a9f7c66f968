package import Datasets
import Evaluation
import Tensors

/// Finds the best items for users, and the items most like an item.
package struct Recommender {
  /// What may be recommended, and how much.
  package struct Rules: Sendable {
    /// The number of items, k.
    package var count = 10
    /// Only items of this scene (its number in the data set); nil = all.
    package var scene: Int?
    /// Whether items that the user had are left out.
    package var filterSeen = false
    /// Places kept for items without a training event: where fewer are among the best, the best of them take the last places.
    package var newPlaces = 0

    /// The ten best of all items.
    package init() {}
  }

  /// An item recommended to a user.
  package struct Recommendation: Sendable, Equatable {
    /// The catalogue row.
    package let item: Int
    /// The raw product of user and item, or the cosine of two items.
    package let score: Float
    /// Whether the user has an event with it.
    package let isSeen: Bool
  }

  /// The model.
  package let served: ServedModel
  /// The rules.
  package let rules: Rules
  private let candidates: [Int]
  /// Whether no training event shows an item.
  private let isNew: [Bool]

  /// Recommends by a model.
  package init(_ served: ServedModel, rules: Rules) {
    self.served = served
    self.rules = rules
    let items = served.dataset.items
    isNew = items.trainCounts.map { $0 == 0 }
    candidates = (0..<items.count).filter { item in rules.scene.map { items.scenes(item).contains($0) } ?? true }
  }

  /// The best items for each user by h·e; fewer than k when there are no more candidates.
  ///
  /// At most `ServedModel.blockUsers` users at a time keep memory bounded.
  ///
  /// - Parameter history: which of their events are read, all unless told otherwise.
  package func recommend(_ users: [UserEvents], history: ServedModel.HistoryExtent = .all) throws -> [[Recommendation]] {
    let items = served.catalogue.embeddings
    return try served.workspace.scope {
      let embeddings = served.workspace.matrix(users.count, served.width)
      try served.embed(users, history: history, into: embeddings)
      let scores = served.workspace.matrix(users.count, items.rows)
      for block in served.catalogue.blocks {
        multiply(
          embeddings, items.rows(block), rightTransposed: true, into: scores.columns(block), workspace: served.workspace)
      }
      return users.indices.map { user in
        let seen = users[user].items[..<history.end(users[user])]
        return select(UnsafePointer(scores.row(user)), seen: Set(seen))
      }
    }
  }

  private func select(_ scores: UnsafePointer<Float>, seen: Set<Int32>) -> [Recommendation] {
    var top = TopItems(rules.count)
    var new = TopItems(max(1, rules.newPlaces))
    for item in candidates where !(rules.filterSeen && seen.contains(Int32(item))) {
      top.offer(item, scores[item])
      if rules.newPlaces > 0 && isNew[item] { new.offer(item, scores[item]) }
    }
    return withNew(top.best, rules.newPlaces > 0 ? new.best : []).map {
      Recommendation(item: $0.item, score: $0.score, isSeen: seen.contains(Int32($0.item)))
    }
  }

  /// The best items, the last of which give way to new ones where too few of these are among them.
  private func withNew(_ best: [TopItems.Entry], _ new: [TopItems.Entry]) -> [TopItems.Entry] {
    let missing = new.filter { entry in !best.contains { $0.item == entry.item } }
      .prefix(max(0, min(rules.newPlaces, new.count) - best.count { isNew[$0.item] }))
    guard !missing.isEmpty else { return best }
    var kept = best
    while kept.count > rules.count - missing.count {
      guard let index = kept.lastIndex(where: { !isNew[$0.item] }) else { break }
      kept.remove(at: index)
    }
    return kept + missing
  }

  /// The items most like an item, by the cosine of their embeddings without codes; never the item itself, nor one whose embedding is zero.
  package func similar(to item: Int) -> [Recommendation] {
    let items = served.catalogue.embeddings.columns(0..<served.catalogue.widthWithoutCodes)
    return served.workspace.scope {
      let products = served.workspace.matrix(items.rows, 1)
      multiply(items, items.rows(item..<item + 1), rightTransposed: true, into: products, workspace: served.workspace)
      let squares = served.workspace.vector(items.rows)
      rowDots(items, items, into: squares)
      var top = TopItems(rules.count)
      for other in candidates where other != item && squares[other] > 0 && squares[item] > 0 {
        top.offer(other, products[other, 0] / (squares[other].squareRoot() * squares[item].squareRoot()))
      }
      return top.best.map { Recommendation(item: $0.item, score: $0.score, isSeen: false) }
    }
  }
}
