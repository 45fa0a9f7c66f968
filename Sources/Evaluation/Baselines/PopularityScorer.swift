import Tensors

/// Ranks items by how often they were trained on, for everybody alike.
struct PopularityScorer: Scorer {
  let order: PopularityOrder
  /// `order.rows`.
  let rows: [Int32]

  func rank(_ round: EvaluationRound, into standings: Standings, workspace: Workspace, progress: (Int) -> Void) throws {
    for (slot, user) in round.users.enumerated() {
      let excluded = round.excluded(user)
      standings.ranks[slot] = Int32(order.notBelow(user.target) - order.notBelow(user.target, among: excluded))
      standings.first?.append(mostPopular: rows, for: slot) { excluded.contains($0) }
    }
  }
}

extension FirstItems {
  /// Fills a user's list up with the most popular items that are not left out.
  func append(mostPopular rows: [Int32], for user: Int, isExcluded: (Int32) -> Bool) {
    for row in rows {
      guard !isFull(user) else { return }
      if !isExcluded(row) { append(row, for: user) }
    }
  }
}
