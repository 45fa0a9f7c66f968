import Datasets
import Tensors

/// Ranks what the user had before first: the items most often had, of those equally often the one had last; all others come behind by
/// popularity.
///
/// The field's reference for repeated consumption: S-POP (Hidasi et al., ICLR 2016), GP-TopFreq (Li et al., TOIS 2023). Where users have each
/// item once, it is the order of the history backward. It reads the events that the model reads, so that both know the same.
struct OwnHistoryScorer: Scorer {
  let order: PopularityOrder
  /// `order.rows`.
  let rows: [Int32]

  func rank(_ round: EvaluationRound, into standings: Standings, workspace: Workspace, progress: (Int) -> Void) throws {
    let batch = SequenceBatch()
    for (slot, user) in round.users.enumerated() {
      batch.removeAll()
      round.task.history.append(user.events, before: user.event, slot: 0, to: batch)
      let excluded = round.excluded(user)
      let had = Self.sorted(batch.items.values).filter { !excluded.contains($0) }
      standings.ranks[slot] = Int32(rank(of: user.target, had, excluded))
      guard let first = standings.first else { continue }
      for item in had.prefix(first.limit) { first.append(item, for: slot) }
      let known = Set(had)
      first.append(mostPopular: rows, for: slot) { known.contains($0) || excluded.contains($0) }
    }
  }

  /// Distinct items of a history (oldest first): most often had first, then last had first.
  static func sorted(_ history: some Sequence<Int32>) -> [Int32] {
    var found: [Int32: (count: Int, last: Int)] = [:]
    for (index, item) in history.enumerated() { found[item] = (found[item, default: (0, 0)].count + 1, index) }
    return found.sorted { ($0.value.count, $0.value.last) > ($1.value.count, $1.value.last) }.map(\.key)
  }

  private func rank(of target: Int32, _ had: [Int32], _ excluded: Set<Int32>) -> Int {
    if let index = had.firstIndex(of: target) { return index + 1 }
    let ahead = order.notBelow(target, among: had) + order.notBelow(target, among: excluded)
    return had.count + order.notBelow(target) - ahead
  }
}
