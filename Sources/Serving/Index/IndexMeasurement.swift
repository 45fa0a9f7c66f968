import Evaluation
import Tensors

/// What an index finds of users' best items, and how fast; the least breadth of a search that finds enough.
///
/// Recall@k is the share of a user's k best items by all products that the index finds among its k, the mean over users. An item whose product equals the k-th best counts as one of them.
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
    let found = try breadth(index, users, best, wanted: record.wantedRecall)
    (record.recallAt, record.measuredUsers) = (depth, users.rows)
    (record.searchWidth, record.recall, record.queriesPerSecond) = (found.breadth, found.recall, found.rate)
    record.exactQueriesPerSecond = users.rows > 0 ? Double(users.rows) / seconds : nil
    record.similarRecall = try similarRecall(index, breadth: found.breadth)
  }

  /// The least breadth, in steps of a quarter, at which enough is found; else the widest.
  private func breadth(
    _ index: ItemIndex, _ queries: Matrix, _ best: [[TopItems.Entry]], wanted: Double
  ) throws -> Result {
    var result = Result(breadth: max(1, depth))
    while true {
      result = try find(index, queries, best, breadth: result.breadth)
      let isEnough = (result.recall ?? 1) >= wanted
      if isEnough || result.breadth >= index.items { return result }
      result.breadth = min(result.breadth + max(10, result.breadth / 4), index.items)
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

  /// The share of items' most similar ones that is found.
  private func similarRecall(_ index: ItemIndex, breadth: Int) throws -> Double? {
    let (exact, near) = (NearestItems(served, index: nil), NearestItems(served, index: index))
    let items = IndexUsers.order(served.catalogue.items).prefix(Self.sampledItems)
    let shares = try items.compactMap { item -> Double? in
      let best = try exact.similar(depth, to: item) { _ in true }
      guard let last = best.last else { return nil }
      let found = try near.similar(depth, to: item) { _ in true }
      return Double(min(best.count, found.count { $0.score >= last.score })) / Double(best.count)
    }
    return shares.isEmpty ? nil : shares.reduce(0, +) / Double(shares.count)
  }

  private func time<Value>(_ body: () throws -> Value) rethrows -> (Value, seconds: Double) {
    let start = ContinuousClock.now
    let value = try body()
    let taken = (ContinuousClock.now - start).components
    return (value, max(1e-9, Double(taken.seconds) + Double(taken.attoseconds) * 1e-18))
  }
}
