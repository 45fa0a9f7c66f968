package import Datasets
import Evaluation
import Runs
import Tensors

/// Finds the best items for users, and the items most like an item.
package struct Recommender {
  /// What may be recommended, and how much.
  package struct Rules: Sendable {
    /// The number of items, k.
    package var count = 10
    /// Only items of this scene (its number in the data set); nil = all.
    package var scene: Int?
    /// Places kept for scenes, by their numbers: `ItemSelection` says how they are filled; none with `scene`.
    package var quotas: [(scene: Int, places: Int)] = []
    /// Only items of these rows; nil = all.
    package var allowed: Set<Int>?
    /// No items of these rows.
    package var denied: Set<Int> = []
    /// Whether items that the user had are left out.
    package var excludesSeen = false
    /// Places kept for items without a training event: where fewer are among the best, the best of them take the last places.
    package var newPlaces = 0

    /// The ten best of all items.
    package init() {}
  }

  /// An item recommended to a user.
  package struct Recommendation: Sendable, Equatable {
    /// The row among `ServedItems`: the catalogue's, or behind it that of an item that came later.
    package let item: Int
    /// The raw product of user and item, or the cosine of two items.
    package let score: Float
    /// Whether the user has an event with it.
    package let isSeen: Bool
  }

  /// What a user gets.
  package struct List: Sendable, Equatable {
    /// The items, best first.
    package let items: [Recommendation]
    /// How many items were left out because the user had them.
    package let seenLeftOut: Int
  }

  /// The model.
  package let served: ServedModel
  /// The rules.
  package let rules: Rules
  /// What the rows of recommendations are.
  package let items: ServedItems
  private let candidates: CandidateRule
  private let selection: ItemSelection
  /// The embeddings of items that came later `[n, width]`.
  private let added: Matrix
  private let storage: Storage<Float>

  /// Recommends by a model, and with it items that came after its data set was made.
  package init(_ served: ServedModel, rules: Rules, newItems: NewItems? = nil) throws {
    self.served = served
    self.rules = rules
    let items = ServedItems(served.dataset, added: newItems?.list)
    self.items = items
    let isNew = served.run.trainCounts.map { $0 == 0 }
    let candidates = CandidateRule(items, rules)
    self.candidates = candidates
    selection = ItemSelection(
      count: rules.count,
      quotas: rules.quotas.map { quota in
        ItemSelection.Quota(
          scene: quota.scene, places: quota.places, candidates: candidates.rows.filter { items.scenes($0).contains(quota.scene) })
      },
      newPlaces: rules.newPlaces, isNew: { items.isAdded($0) || isNew[$0] })
    let count = newItems?.count ?? 0
    storage = Storage(count: count * served.width)
    added = Matrix(storage.base, rows: count, columns: served.width)
    try NewItems.findNeighbors(newItems, served: served)
    newItems?.embed(0..<count, into: added)
    guard added.isFinite else { throw served.brokenEmbeddings }
  }

  /// The best items for each user by h·e; fewer than k when there are no more candidates.
  ///
  /// At most `ServedModel.blockUsers` users at a time keep memory bounded.
  ///
  /// - Parameter history: which of their events are read.
  package func recommend(_ users: [UserEvents], history: ServedModel.HistoryExtent) throws -> [List] {
    let known = served.catalogue.embeddings
    return try served.workspace.scope {
      let embeddings = served.workspace.matrix(users.count, served.width)
      try served.embed(users, history: history, into: embeddings)
      let scores = served.workspace.matrix(users.count, items.count)
      for block in served.catalogue.blocks {
        multiply(
          embeddings, known.rows(block), rightTransposed: true, into: scores.columns(block), workspace: served.workspace)
      }
      if added.rows > 0 {
        multiply(
          embeddings, added, rightTransposed: true, into: scores.columns(known.rows..<items.count), workspace: served.workspace)
      }
      return users.indices.map { user in
        let seen = Set(users[user].items[..<history.end(users[user])])
        return list(UnsafePointer(scores.row(user)), seen: seen)
      }
    }
  }

  private func list(_ scores: UnsafePointer<Float>, seen: Set<Int32>) -> List {
    func isSeen(_ item: Int) -> Bool { seen.contains(Int32(item)) }
    let best = selection.best(of: candidates.rows, scores: scores) { rules.excludesSeen && isSeen($0) }
    return List(
      items: best.map { Recommendation(item: $0.item, score: $0.score, isSeen: isSeen($0.item)) },
      seenLeftOut: candidates.seenLeftOut(seen, rules))
  }

  /// The items most like an item, by the cosine of their embeddings without codes; never the item itself, nor one whose
  /// embedding is zero.
  package func similar(to item: Int) -> List {
    let columns = 0..<served.catalogue.widthWithoutCodes
    let known = served.catalogue.embeddings.columns(columns)
    let place = item - known.rows
    let wanted = place < 0 ? known.rows(item..<item + 1) : added.columns(columns).rows(place..<place + 1)
    return served.workspace.scope {
      let (products, squares) = (served.workspace.matrix(items.count, 1), served.workspace.vector(items.count))
      var first = 0
      for part in [known, added.columns(columns)] where part.rows > 0 {
        let rows = first..<first + part.rows
        multiply(part, wanted, rightTransposed: true, into: products.rows(rows), workspace: served.workspace)
        rowDots(part, part, into: Vector(squares.base + first, count: part.rows))
        first = rows.upperBound
      }
      var top = TopItems(rules.count)
      for other in candidates.rows where other != item && squares[other] > 0 && squares[item] > 0 {
        top.offer(other, products[other, 0] / (squares[other].squareRoot() * squares[item].squareRoot()))
      }
      return List(
        items: top.best.map { Recommendation(item: $0.item, score: $0.score, isSeen: false) }, seenLeftOut: 0)
    }
  }
}
