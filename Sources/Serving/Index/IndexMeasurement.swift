import Evaluation
import Tensors

/// What an index finds of users' best items, and how fast; the least breadth of a search that finds enough.
///
/// Recall@k is the share of a user's k best items by all products that the index finds among its k, the mean over users. An item
/// whose product equals the k-th best counts as one of them.
struct IndexMeasurement {
  /// What was found.
  struct Result: Equatable {
    /// How many items a search keeps in sight.
    var breadth = 1
    /// The share of the best items that is found; nil without a query.
    var recall: Double?
    /// Queries a second by the index.
    var rate: Double?
  }

  /// k.
  private static let most = 100
  /// Items whose most similar ones are looked for.
  private static let sampledItems = 100
  /// The widest search that is tried: a wider one would be slower than all products are.
  private static let widest = 5_000

  private let served: ServedModel
  private let users: Matrix
  private var depth: Int { min(Self.most, served.catalogue.items) }

  /// Measures on a model's items.
  ///
  /// - Parameter users: the embeddings of those that ask `[n, width]`.
  init(_ served: ServedModel, users: Matrix) { (self.served, self.users) = (served, users) }

  /// Fills in what of a record is measured.
  ///
  /// Throws `InputError` when there is no memory.
  func measure(_ index: ItemIndex, into record: inout IndexRecord) throws {
    let (best, seconds) = time {
      ExactBest.find(max(1, depth), users, among: served.catalogue.embeddings, workspace: served.workspace)
    }
    let found = try widen(most: min(index.items, Self.widest), wanted: record.wantedRecall) {
      try find(index, users, best, breadth: $0)
    }
    (record.recallAt, record.measuredUsers) = (depth, users.rows)
    (record.searchWidth, record.recall, record.queriesPerSecond) = (found.breadth, found.recall, found.rate)
    record.exactQueriesPerSecond = users.rows > 0 ? Double(users.rows) / seconds : nil
    let similar = try similar()
    // A breadth at which a search would look at as many items as there are is of no use: each has up to 2 M links.
    let most = min(index.items / (2 * record.neighbors), Self.widest)
    let near = try widen(most: most, wanted: record.wantedRecall) { try find(index, similar, breadth: $0) }
    let isUseful = near.breadth <= most && (near.recall ?? 0) >= record.wantedRecall
    (record.similarSearchWidth, record.similarRecall) = (isUseful ? near.breadth : 0, near.recall)
  }

  /// The least breadth, in steps of a quarter, at which enough is found; else the widest.
  private func widen(most: Int, wanted: Double, find: (Int) throws -> Result) rethrows -> Result {
    var breadth = max(1, depth)
    while true {
      let result = try find(breadth)
      if (result.recall ?? 1) >= wanted || breadth >= most { return result }
      breadth = min(breadth + max(10, breadth / 4), most)
    }
  }

  private func find(
    _ index: ItemIndex, _ queries: Matrix, _ best: [[TopItems.Entry]], breadth: Int
  ) throws -> Result {
    guard queries.rows > 0, depth > 0 else { return Result(breadth: breadth) }
    let (found, seconds) = try time {
      try (0..<queries.rows).map { user in
        let row = queries.rows(user..<user + 1)
        let near = try index.search(Vector(row.base, count: row.columns), count: depth, breadth: breadth)
        return NearestItems.products(served, row, of: near.map(\.item))
      }
    }
    let shares = zip(found, best).map { near, best in
      Double(near.count { entry in best.last.map { entry.score >= $0.score } ?? false }) / Double(depth)
    }
    let recall = shares.map { min(1, $0) }.reduce(0, +) / Double(shares.count)
    return Result(breadth: breadth, recall: recall, rate: Double(queries.rows) / seconds)
  }

  /// Some items with those most like each, by all products.
  private func similar() throws -> [(item: Int, best: [TopItems.Entry])] {
    let exact = NearestItems(served, index: nil)
    return try IndexUsers.order(served.catalogue.items).prefix(Self.sampledItems).map {
      ($0, try exact.similar(max(1, depth), to: $0) { _ in true })
    }
  }

  /// What of these is found by the cosine.
  private func find(_ index: ItemIndex, _ items: [(item: Int, best: [TopItems.Entry])], breadth: Int) throws -> Result {
    let columns = served.catalogue.widthWithoutCodes
    let shares = try items.filter { !$0.best.isEmpty }.map { item, best in
      let row = Vector(served.catalogue.embeddings.row(item), count: columns)
      // One more, since an item is most like itself.
      let found = try index.search(row, by: .cosine, count: depth + 1, breadth: breadth).filter { $0.item != item }
      let wanted = Set(best.map(\.item))
      return Double(found.count { wanted.contains($0.item) }) / Double(best.count)
    }
    return Result(breadth: breadth, recall: shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count))
  }

  private func time<Value>(_ body: () throws -> Value) rethrows -> (Value, seconds: Double) {
    let start = ContinuousClock.now
    let value = try body()
    let taken = (ContinuousClock.now - start).components
    return (value, max(1e-9, Double(taken.seconds) + Double(taken.attoseconds) * 1e-18))
  }
}
