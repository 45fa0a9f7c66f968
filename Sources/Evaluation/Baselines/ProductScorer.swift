import Datasets
import Tensors

/// Ranks items by the product of the user's vector and theirs, as the model and the text search do.
///
/// All of a round's users are embedded, then the items' vectors are walked through once.
struct ProductScorer: Scorer {
  let embedder: any QueryEmbedder
  let vectors: any ItemVectors
  /// Whether items are decided in bfloat16, as `Ranking` has it.
  var screens: Bool?

  func rank(_ round: EvaluationRound, into standings: Standings, workspace: Workspace, progress: (Int) -> Void) throws {
    try workspace.scope {
      let ranking = Ranking(
        users: round.users.count, width: vectors.width, screens: screens, workspace: workspace)
      try embed(round, ranking, workspace)
      try count(round, ranking, standings.first, workspace, progress)
      for slot in standings.ranks.indices { standings.ranks[slot] = Int32(ranking.rank(of: slot)) }
    }
  }

  /// Embeds the users and finds what they are evaluated by; a rank with fewer blocks than another goes on with empty ones.
  private func embed(_ round: EvaluationRound, _ ranking: Ranking, _ workspace: Workspace) throws {
    for slots in round.slots {
      let evaluated = embedder.fill(round, slots)
      try workspace.scope {
        let items = try embedder.embed(into: ranking.users.rows(slots), workspace: workspace)
        setTargets(slots, evaluated, items, ranking, workspace)
      }
    }
  }

  private func setTargets(
    _ slots: Range<Int>, _ counts: [Int], _ items: UserEmbedder.Items, _ ranking: Ranking, _ workspace: Workspace
  ) {
    var start = 0
    for (slot, count) in zip(slots, counts) {
      let rows = RowList(rebasing: items.rows[start..<start + count])
      ranking.setTarget(slot, by: items.embeddings, at: rows, workspace: workspace)
      start += count
    }
  }

  private func count(
    _ round: EvaluationRound, _ ranking: Ranking, _ first: FirstItems?, _ workspace: Workspace, _ progress: (Int) -> Void
  ) throws {
    var reported = 0
    try vectors.forEachBlock(workspace: workspace) { rows, embeddings in
      ranking.count(
        embeddings, from: rows.lowerBound, into: first, isExcluded: round.isExcluded, workspace: workspace)
      let done = ranking.users.rows * rows.upperBound / vectors.items
      if done > reported { progress(done - reported) }
      reported = done
    }
  }
}
