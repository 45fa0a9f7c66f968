import Collectives
import Tensors

/// How far items without a training event can be brought up before they cost the others too much.
///
/// Their scores spread less than those of items that were trained on, so they never come first, whatever their text says. Scaled up
/// they do, at the expense of the items that they pass. Users whose next item was trained on tell what that costs; those whose next item is
/// new are too few in most data sets to tell what it brings. Ours.
struct BlendColdScale {
  /// The scales that are tried.
  static let scales: [Float] = (10...50).map { Float($0) / 20 }
  private static let itemsAtATime = 1024

  private let embedder: UserEmbedder
  private let catalogue: Catalogue
  private let gain: RankGain
  private let communicator: any Communicator

  /// - Parameter catalogue: the items' embeddings under the blend, with a scale of 1.
  init(_ embedder: UserEmbedder, _ catalogue: Catalogue, _ gain: RankGain, _ communicator: any Communicator) {
    (self.embedder, self.catalogue, self.gain, self.communicator) = (embedder, catalogue, gain, communicator)
  }

  /// The highest scale that takes at most a share off the metric; the lowest of all where none does; collective.
  ///
  /// - Parameter known: each user's rank, from 1, among the items that were trained on, in the order of the rounds.
  /// - Returns: nil where too few items or no user tells.
  func highest(
    _ rounds: BlendUsers, _ known: [(shard: Int, rank: Int)], shards: Int, cost: Double, workspace: Workspace
  ) throws -> Double? {
    let unseen = (0..<Int32(catalogue.items)).filter(catalogue.isUnseen)
    guard unseen.count >= BlendSpread.fewestItems else { return nil }
    // Without any of them, and under each scale.
    let size = Self.scales.count + 1
    var own = [Double](repeating: 0, count: shards * size)
    var next = 0
    try rounds.forEach { round in
      try workspace.scope {
        // Who has nothing to lose, or looks for one of them, tells nothing.
        let tells = round.users.enumerated().map { slot, user in
          !catalogue.isUnseen(user.target) && gain.of(known[next + slot].rank) > 0
        }
        let counts = try passing(round, unseen, tells, workspace)
        for slot in round.users.indices where tells[slot] {
          let (shard, rank) = known[next + slot]
          own[shard * size] += gain.of(rank)
          for index in Self.scales.indices { own[shard * size + 1 + index] += gain.of(rank + counts[slot * size + index]) }
        }
        next += round.users.count
      }
    }
    let sums = try communicator.shardSums(own, each: size)
    guard sums[0] > 0 else { return nil }
    let index = Self.scales.indices.last { sums[1 + $0] >= (1 - cost) * sums[0] }
    return Double(Self.scales[index ?? 0])
  }

  /// How many of some items come before the target of each user who tells, under each scale.
  private func passing(_ round: EvaluationRound, _ unseen: [Int32], _ tells: [Bool], _ workspace: Workspace) throws -> [Int] {
    let users = workspace.matrix(round.users.count, catalogue.width)
    let bounds = workspace.vector(round.users.count)
    for slots in round.slots {
      let evaluated = embedder.fill(round, slots)
      try workspace.scope {
        let items = try embedder.embed(into: users.rows(slots), workspace: workspace)
        var start = 0
        for (slot, count) in zip(slots, evaluated) {
          let target = items.embeddings.row(Int(items.rows[start]))
          bounds[slot] = (0..<catalogue.width).reduce(0) { $0 + users[slot, $1] * target[$1] }
          start += count
        }
      }
    }
    let size = Self.scales.count + 1
    var counts = [Int](repeating: 0, count: round.users.count * size)
    for start in stride(from: 0, to: unseen.count, by: Self.itemsAtATime) {
      let some = unseen[start..<min(start + Self.itemsAtATime, unseen.count)]
      try workspace.scope {
        let rows = workspace.take(Int32.self, some.count)
        for (index, item) in some.enumerated() { rows[index] = item }
        let e = workspace.matrix(some.count, catalogue.width)
        try catalogue.embed(RowList(start: rows, count: some.count), into: e, workspace: workspace)
        let (own, rest) = (
          scores(users, e, 0..<catalogue.modelWidth, workspace),
          scores(users, e, catalogue.modelWidth..<catalogue.width, workspace)
        )
        for slot in 0..<users.rows where tells[slot] {
          for (index, item) in some.enumerated() {
            let (model, text) = (own[slot, index], rest[slot, index])
            // Of a line the ends tell whether it passes anywhere.
            guard max(model * Self.scales[0], model * Self.scales[Self.scales.count - 1]) + text >= bounds[slot],
              !round.isExcluded(slot, item)
            else { continue }
            for (scale, factor) in Self.scales.enumerated() where model * factor + text >= bounds[slot] {
              counts[slot * size + scale] += 1
            }
          }
        }
      }
    }
    return counts
  }

  private func scores(_ users: Matrix, _ e: Matrix, _ columns: Range<Int>, _ workspace: Workspace) -> Matrix {
    let scores = workspace.matrix(users.rows, e.rows)
    multiply(
      users.columns(columns), PackedFactor(e.columns(columns), transposed: true, workspace: workspace), into: scores)
    return scores
  }
}
