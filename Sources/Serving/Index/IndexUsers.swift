import Datasets
import Tensors

/// The users that an index is built for and measured on, as queries: drawn from the data set in a fixed order, read by all their events.
///
/// No user is both, so what is measured holds for users that the graph has not seen.
struct IndexUsers {
  /// Most users that are measured.
  static let mostMeasured = 500
  /// Most users whose best items are linked.
  static let mostLinking = 20_000

  /// Embeddings of those that recall is measured on `[m, width]`.
  let measured: Matrix
  /// Embeddings of those that the graph is built for `[n, width]`.
  let linking: Matrix
  private let storage: Storage<Float>

  /// Embeds a model's users.
  ///
  /// Throws `InputError` when a shard is damaged.
  init(_ served: ServedModel) throws {
    let users = try Self.drawn(served.dataset)
    storage = Storage(count: users.count * served.width)
    let all = Matrix(storage.base, rows: users.count, columns: served.width)
    for first in stride(from: 0, to: users.count, by: served.blockUsers) {
      let block = first..<min(first + served.blockUsers, users.count)
      try served.embed(Array(users[block]), into: all.rows(block))
    }
    let count = min(Self.mostMeasured, (users.count + 1) / 2)
    (measured, linking) = (all.rows(0..<count), all.rows(count..<users.count))
  }

  /// Users with events, at most as many as are wanted.
  private static func drawn(_ dataset: Dataset) throws -> [UserEvents] {
    let shards = dataset.manifest.shards.map(\.users)
    var users: [UserEvents] = []
    for place in order(shards.reduce(0, +)) {
      if users.count == mostMeasured + mostLinking { break }
      var (shard, user) = (0, place)
      while user >= shards[shard] {
        user -= shards[shard]
        shard += 1
      }
      let events = try dataset.shard(shard).events(user)
      if events.count > 0 { users.append(events) }
    }
    return users
  }

  /// A fixed order of `count` things.
  static func order(_ count: Int) -> some Sequence<Int> {
    let stream = RandomStream(seed: 0, purpose: .indexSample)
    let permutation = count > 0 ? KeyedPermutation(count: count, stream: stream, row: 0) : nil
    return (0..<count).lazy.map { permutation?[$0] ?? $0 }
  }
}

/// The best items of each query by all products.
enum ExactBest {
  /// Items whose products are formed at a time.
  private static let blockItems = 4096

  /// The best `count` items of each query, best first.
  ///
  /// - Parameters:
  ///   - queries: `[n, d]`.
  ///   - items: `[V, d]`.
  static func find(_ count: Int, _ queries: Matrix, among items: Matrix, workspace: Workspace) -> [[TopItems.Entry]] {
    let users = max(1, min(256, (16 << 20) / max(items.rows, 1)))
    var best: [[TopItems.Entry]] = []
    for first in stride(from: 0, to: queries.rows, by: users) {
      workspace.scope {
        let block = queries.rows(first..<min(first + users, queries.rows))
        let scores = workspace.matrix(block.rows, items.rows)
        for start in stride(from: 0, to: items.rows, by: blockItems) {
          let rows = start..<min(start + blockItems, items.rows)
          multiply(
            block, items.rows(rows), rightTransposed: true, into: scores.columns(rows), workspace: workspace)
        }
        for user in 0..<block.rows {
          let row = UnsafePointer(scores.row(user))
          var top = TopItems(count)
          for item in 0..<items.rows { top.offer(item, row[item]) }
          best.append(top.best)
        }
      }
    }
    return best
  }
}
