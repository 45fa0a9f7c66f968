import Datasets
import Evaluation
import Files
import Tensors

/// What an index finds of users' best items, and how fast; the least breadth of a search that finds enough.
///
/// Recall@k is the share of a user's k best items by all products that the index finds among its k, the mean over a fixed sample of the data
/// set's users with events, read by all of them. An item whose product equals the k-th best counts as one of them.
struct IndexMeasurement {
  /// How often, and how wide, is measured.
  struct Sample {
    /// Users, and items, at most.
    var most = 500
    /// k.
    var depth = 100
  }

  /// What was found.
  struct Result: Equatable {
    /// How many items a search keeps in sight.
    var breadth = 1
    /// The share of the best items that is found; nil without a query.
    var recall: Double?
    /// Queries a second by the index.
    var rate: Double?
  }

  private let served: ServedModel
  private let sample: Sample
  private var depth: Int { min(sample.depth, served.catalogue.items) }

  /// Measures on a model's users and items.
  init(_ served: ServedModel, sample: Sample = Sample()) { (self.served, self.sample) = (served, sample) }

  /// Fills in what of a record is measured.
  ///
  /// Throws `InputError` when a shard is damaged or there is no memory.
  func measure(_ index: ItemIndex, into record: inout IndexRecord) throws {
    let users = try sampledUsers()
    let workspace = served.workspace
    try workspace.scope {
      let queries = workspace.matrix(users.count, served.width)
      for block in stride(from: 0, to: users.count, by: served.blockUsers) {
        let rows = block..<min(block + served.blockUsers, users.count)
        try served.embed(Array(users[rows]), into: queries.rows(rows))
      }
      let (best, seconds) = time { exact(queries) }
      let found = try breadth(index, queries, best, wanted: record.wantedRecall)
      (record.recallAt, record.measuredUsers) = (depth, users.count)
      (record.searchWidth, record.recall, record.queriesPerSecond) = (found.breadth, found.recall, found.rate)
      record.exactQueriesPerSecond = users.isEmpty ? nil : Double(users.count) / seconds
      record.similarRecall = try similarRecall(index, breadth: found.breadth)
    }
  }

  /// Users with events, drawn by their place in the data set.
  private func sampledUsers() throws -> [UserEvents] {
    let dataset = served.dataset
    let shards = dataset.manifest.shards.map(\.users)
    let total = shards.reduce(0, +)
    var users: [UserEvents] = []
    for place in Self.order(total) {
      var (shard, user) = (0, place)
      while user >= shards[shard] {
        user -= shards[shard]
        shard += 1
      }
      let events = try dataset.shard(shard).events(user)
      if events.count > 0 { users.append(events) }
      if users.count == sample.most { break }
    }
    return users
  }

  /// A fixed order of `count` things.
  private static func order(_ count: Int) -> some Sequence<Int> {
    let stream = RandomStream(seed: 0, purpose: .indexSample)
    let permutation = count > 0 ? KeyedPermutation(count: count, stream: stream, row: 0) : nil
    return (0..<count).lazy.map { permutation?[$0] ?? $0 }
  }

  /// The best items of each query by all products.
  private func exact(_ queries: Matrix) -> [[TopItems.Entry]] {
    let items = served.catalogue.embeddings
    var best: [[TopItems.Entry]] = []
    for first in stride(from: 0, to: queries.rows, by: served.blockUsers) {
      served.workspace.scope {
        let block = queries.rows(first..<min(first + served.blockUsers, queries.rows))
        let scores = served.workspace.matrix(block.rows, items.rows)
        for rows in served.catalogue.blocks {
          multiply(
            block, items.rows(rows), rightTransposed: true, into: scores.columns(rows), workspace: served.workspace)
        }
        for user in 0..<block.rows {
          var top = TopItems(max(1, depth))
          for item in 0..<items.rows { top.offer(item, scores[user, item]) }
          best.append(top.best)
        }
      }
    }
    return best
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
    let items = Self.order(served.catalogue.items).prefix(sample.most / 5)
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
