import Collectives

/// How well one way to rank the catalogue does on a task's users.
package struct Standing: Sendable {
  /// The way: the model, or a baseline that needs no training.
  package enum Ranking: String, Sendable, CaseIterable {
    /// The model that is measured.
    case model
    /// Every item by its number of training events.
    case popularity
    /// Items by the cosine of their text and that of the last item.
    case text
    /// The user's own items, by count and then by recency; all others by popularity.
    case history
  }

  /// The way.
  package let ranking: Ranking
  /// The metrics.
  package let metrics: RankingMetrics
  /// What users' first items are; nil when nobody asked.
  package let recommended: RecommendedItems?
  /// Where the target items of the users that this process evaluated stand, from 1, shard by shard in the order of `EvaluatedUsers`; empty when nobody asked.
  package let ranks: [[Int32]]
}

/// Adds up what a scorer finds, shard by shard.
struct StandingTally {
  private var metrics: [RankingMetrics]
  private var recommended: RecommendationTally?
  private var ranks: [[Int32]]

  init(shards: Int, metrics: RankingMetrics, recommended: RecommendationTally? = nil, keepsRanks: Bool = false) {
    self.metrics = Array(repeating: metrics, count: shards)
    self.recommended = recommended
    ranks = Array(repeating: [], count: keepsRanks ? shards : 0)
  }

  /// Adds a round's users; `groups` are those of each.
  mutating func add(_ round: EvaluationRound, _ standings: Standings, groups: [[Int]]) {
    var slot = 0
    for block in round.blocks {
      for _ in block.users {
        let rank = standings.ranks[slot]
        metrics[block.index].add(rank: Int(rank), groups: groups[slot])
        if let first = standings.first { recommended?.add(first.items(of: slot), shard: block.index) }
        if !ranks.isEmpty { ranks[block.index].append(rank) }
        slot += 1
      }
    }
  }

  /// The sum over all ranks' shards; collective.
  func total(_ ranking: Standing.Ranking, _ empty: RankingMetrics, _ communicator: any Communicator) throws -> Standing {
    var total = empty
    total.flat = try communicator.sumInOrder(metrics.map(\.flat), size: empty.flat.count)
    return Standing(ranking: ranking, metrics: total, recommended: try recommended?.total(communicator), ranks: ranks)
  }
}
