import Batches
import Kernels
import Model
import Similarity
import Tensors

/// One round of a fit: some users of this rank, ranked under every blend of the grid at once.
final class BlendRound {
  /// The users' embeddings `[users, d]`.
  let users: Matrix

  init(_ round: JudgedRound, embedder: UserEmbedder, vectors: TextVectors, grid: BlendGrid, workspace: Workspace) {
    (self.round, self.embedder, self.vectors) = (round, embedder, vectors)
    strengths = grid.strengths
    let count = round.users.count
    users = workspace.matrix(count, embedder.width)
    queries = BlendGrid.decays.map { _ in workspace.matrix(count, vectors.width) }
    bounds = workspace.matrix(count, grid.count)
    likenesses = workspace.vector(count)
    counts = workspace.take(Int32.self, count * grid.count)
    counts.update(repeating: 0, count: count * grid.count)
  }

  /// Embeds the users, and finds the scores that their targets have under each blend.
  func embed(_ workspace: Workspace) throws {
    for slots in round.slots {
      let judged = embedder.fill(round, slots)
      try workspace.scope {
        let items = try embedder.embed(into: users.rows(slots), workspace: workspace)
        ask(slots, workspace)
        var start = 0
        for (slot, count) in zip(slots, judged) {
          judge(slot, items, start..<start + count, workspace)
          start += count
        }
      }
    }
  }

  /// What users' newest events ask for by their texts, once for each decay.
  private func ask(_ slots: Range<Int>, _ workspace: Workspace) {
    let scratch = workspace.vector(2 * vectors.width)
    for (user, slot) in slots.enumerated() {
      let history = embedder.batch.history(of: user)
      for (decay, query) in zip(BlendGrid.decays, queries) {
        vectors.query(history, weights: Blend.lags(decay), into: query.row(slot), scratch: scratch)
      }
      likenesses[slot] = vectors.likeness(history, scratch: scratch)
    }
  }

  /// A user's target sets the bounds; what does not compete is taken off beforehand.
  private func judge(_ slot: Int, _ items: UserEmbedder.Items, _ judged: Range<Int>, _ workspace: Workspace) {
    workspace.scope {
      let e = workspace.matrix(judged.count, users.columns)
      gather(RowList(rebasing: items.rows[judged]), from: items.embeddings, into: e)
      let texts = workspace.matrix(judged.count, vectors.width)
      for (row, place) in judged.enumerated() { vectors.copy(Int(embedder.items.values[place]), into: texts.row(row)) }
      let own = workspace.matrix(judged.count, 1)
      // The user is the packed factor, as in `Ranking`: an element has the same bits as among the catalogue.
      multiply(e, PackedFactor(users.rows(slot..<slot + 1), transposed: true, workspace: workspace), into: own)
      for (number, query) in queries.enumerated() {
        let text = workspace.matrix(judged.count, 1)
        multiply(texts, PackedFactor(query.rows(slot..<slot + 1), transposed: true, workspace: workspace), into: text)
        for (place, strength) in strengths.enumerated() {
          let cell = number * strengths.count + place
          let bound = own[0, 0] + strength * text[0, 0]
          bounds[slot, cell] = bound
          for row in 1..<judged.count where !(own[row, 0] + strength * text[row, 0] < bound) {
            counts[slot * bounds.columns + cell] -= 1
          }
        }
      }
    }
  }

  /// Counts the whole catalogue against every user under every blend.
  func count(_ catalogue: Catalogue, _ workspace: Workspace) throws {
    try catalogue.forEachBlock(workspace: workspace) { rows, e in
      for part in Swift.stride(from: 0, to: rows.count, by: Self.itemsAtATime) {
        let some = part..<min(part + Self.itemsAtATime, rows.count)
        workspace.scope {
          let texts = workspace.matrix(some.count, vectors.width)
          for (row, item) in some.enumerated() { vectors.copy(rows.lowerBound + item, into: texts.row(row)) }
          count(e.rows(some), texts, workspace)
        }
      }
    }
  }

  private func count(_ e: Matrix, _ texts: Matrix, _ workspace: Workspace) {
    let own = workspace.matrix(users.rows, e.rows)
    multiply(users, PackedFactor(e, transposed: true, workspace: workspace), into: own)
    let factor = PackedFactor(texts, transposed: true, workspace: workspace)
    let text = workspace.matrix(users.rows, e.rows)
    for (number, query) in queries.enumerated() {
      multiply(query, factor, into: text)
      for slot in 0..<users.rows {
        for (place, strength) in strengths.enumerated() {
          let cell = number * strengths.count + place
          counts[slot * bounds.columns + cell] += Self.notBelow(
            bounds[slot, cell], own.row(slot), text.row(slot), strength, count: e.rows)
        }
      }
    }
  }

  /// How many of own + strength · text are not below a bound; NaN is not below.
  private static func notBelow(
    _ bound: Float, _ own: UnsafePointer<Float>, _ text: UnsafePointer<Float>, _ strength: Float, count: Int
  ) -> Int32 {
    var below: Int32 = 0
    for item in 0..<count { below &+= own[item] + strength * text[item] < bound ? 1 : 0 }
    return Int32(count) - below
  }

  /// What the round learned of each user.
  func rows(_ catalogue: Catalogue, _ gain: RankGain, _ workspace: Workspace) -> [BlendCells.Row] {
    workspace.scope {
      let confidences = workspace.vector(users.rows)
      catalogue.confidence(users, into: confidences, workspace: workspace)
      return round.blocks.flatMap { block in block.users.map { _ in block.place } }.enumerated().map { slot, shard in
        BlendCells.Row(
          shard: shard, confidence: confidences[slot], likeness: likenesses[slot],
          gains: (0..<bounds.columns).map { Float(gain.of(rank(of: slot, $0))) })
      }
    }
  }

  /// A user's rank, from 1, under a blend of the grid.
  ///
  /// The target's own score may differ in its last bit from the bound, so that it is not counted: never below 1.
  private func rank(of slot: Int, _ place: Int) -> Int { max(1, Int(counts[slot * bounds.columns + place])) }

  private static let itemsAtATime = 1024

  private let round: JudgedRound
  private let embedder: UserEmbedder
  private let vectors: TextVectors
  private let strengths: [Float]
  private let queries: [Matrix]
  private let bounds: Matrix
  private let likenesses: Vector
  private let counts: UnsafeMutablePointer<Int32>
}
