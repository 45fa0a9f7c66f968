import Datasets
import Model
import Tensors
import Texts

/// One round of a fit: some users of this rank, ranked under every blend of the grid at once.
final class BlendRound {
  /// The users' embeddings `[users, d]`.
  let users: Matrix
  private static let itemsAtATime = 1024
  private let round: EvaluationRound
  private let embedder: UserEmbedder
  private let vectors: TextVectors
  private let strengths: [Float]
  private let repeats: [Float]
  /// The column of the newest item's code; -1 without an event.
  private let newest: UnsafeMutablePointer<Int32>
  private let queries: [Matrix]
  private let bounds: Matrix
  private let likenesses: Vector
  private let counts: UnsafeMutablePointer<Int32>

  init(_ round: EvaluationRound, embedder: UserEmbedder, vectors: TextVectors, grid: BlendGrid, workspace: Workspace) {
    (self.round, self.embedder, self.vectors) = (round, embedder, vectors)
    (strengths, repeats) = (grid.strengths, grid.repeats)
    let count = round.users.count
    users = workspace.matrix(count, embedder.width)
    queries = BlendGrid.decays.map { _ in workspace.matrix(count, vectors.width) }
    bounds = workspace.matrix(count, grid.count)
    likenesses = workspace.vector(count)
    newest = workspace.take(Int32.self, count)
    counts = workspace.take(Int32.self, count * grid.count)
    counts.update(repeating: 0, count: count * grid.count)
  }

  /// Embeds the users, and finds the scores that their targets have under each blend.
  func embed(_ workspace: Workspace) throws {
    for slots in round.slots {
      let evaluated = embedder.fill(round, slots)
      try workspace.scope {
        let items = try embedder.embed(into: users.rows(slots), workspace: workspace)
        ask(slots, workspace)
        var start = 0
        for (slot, count) in zip(slots, evaluated) {
          setTargets(slot, items, start..<start + count, workspace)
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
      newest[slot] = history.count > 0 ? Int32(ItemCode.column(Int(history[history.count - 1]))) : -1
    }
  }

  /// A user's target sets the bounds; what does not compete is taken off beforehand.
  private func setTargets(_ slot: Int, _ items: UserEmbedder.Items, _ evaluated: Range<Int>, _ workspace: Workspace) {
    workspace.scope {
      let e = workspace.matrix(evaluated.count, users.columns)
      gather(RowList(rebasing: items.rows[evaluated]), from: items.embeddings, into: e)
      let texts = workspace.matrix(evaluated.count, vectors.width)
      for (row, index) in evaluated.enumerated() { vectors.copy(Int(embedder.items.values[index]), into: texts.row(row)) }
      let unseen = evaluated.map { embedder.isUnseen(embedder.items.values[$0]) }
      let own = workspace.matrix(evaluated.count, 1)
      // The user is the packed factor, as in `Ranking`: an element has the same bits as among the catalogue.
      multiply(e, PackedFactor(users.rows(slot..<slot + 1), transposed: true, workspace: workspace), into: own)
      for (number, query) in queries.enumerated() {
        let text = workspace.matrix(evaluated.count, 1)
        multiply(texts, PackedFactor(query.rows(slot..<slot + 1), transposed: true, workspace: workspace), into: text)
        for (index, strength) in strengths.enumerated() {
          for (level, weight) in repeats.enumerated() {
            let blend = level * BlendGrid.pairs + number * strengths.count + index
            func score(_ row: Int) -> Float {
              let code = Int32(ItemCode.column(Int(embedder.items.values[evaluated.lowerBound + row])))
              return own[row, 0] + strength * text[row, 0] + (code == newest[slot] ? weight : 0)
            }
            let bound = score(0)
            bounds[slot, blend] = bound
            let count = slot * bounds.columns + blend
            for row in 1..<evaluated.count where !unseen[row] && !(score(row) < bound) { counts[count] -= 1 }
            // It counts itself, but where it will not be met.
            if unseen[0] { counts[count] += 1 }
          }
        }
      }
    }
  }

  /// Counts the whole catalogue against every user under every blend, but for items without a training event: they are brought in
  /// afterwards (`BlendColdScale`).
  func count(_ catalogue: Catalogue, _ workspace: Workspace) throws {
    try catalogue.forEachBlock(workspace: workspace) { rows, e in
      for part in Swift.stride(from: 0, to: rows.count, by: Self.itemsAtATime) {
        let some = part..<min(part + Self.itemsAtATime, rows.count)
        workspace.scope {
          let texts = workspace.matrix(some.count, vectors.width)
          for (row, item) in some.enumerated() { vectors.copy(rows.lowerBound + item, into: texts.row(row)) }
          let own = workspace.matrix(users.rows, some.count)
          multiply(users, PackedFactor(e.rows(some), transposed: true, workspace: workspace), into: own)
          for (index, item) in some.enumerated() where catalogue.isUnseen(Int32(rows.lowerBound + item)) {
            for slot in 0..<users.rows { own[slot, index] = -.infinity }
          }
          count(own, texts, codes: some.map { Int32(ItemCode.column(rows.lowerBound + $0)) }, workspace)
        }
      }
    }
  }

  /// - Parameters:
  ///   - own: the model's scores of some items `[users, items]`.
  ///   - codes: the columns of the items' codes.
  private func count(_ own: Matrix, _ texts: Matrix, codes: [Int32], _ workspace: Workspace) {
    let factor = PackedFactor(texts, transposed: true, workspace: workspace)
    let text = workspace.matrix(users.rows, texts.rows)
    let alike = (0..<users.rows).map { slot in codes.indices.filter { codes[$0] == newest[slot] } }
    for (number, query) in queries.enumerated() {
      multiply(query, factor, into: text)
      for slot in 0..<users.rows {
        for (index, strength) in strengths.enumerated() {
          let first = number * strengths.count + index
          let all = Self.notBelow(bounds[slot, first], own.row(slot), text.row(slot), strength, count: texts.rows)
          for (level, weight) in repeats.enumerated() {
            let blend = level * BlendGrid.pairs + first
            let bound = bounds[slot, blend]
            // The bound is another where the target itself has the code of the newest item.
            let count =
              bound == bounds[slot, first]
              ? all : Self.notBelow(bound, own.row(slot), text.row(slot), strength, count: texts.rows)
            counts[slot * bounds.columns + blend] += count
            for item in alike[slot] where weight != 0 {
              let score = own[slot, item] + strength * text[slot, item]
              counts[slot * bounds.columns + blend] += (score < bound ? 1 : 0) - (score + weight < bound ? 1 : 0)
            }
          }
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
  func rows(_ catalogue: Catalogue, _ workspace: Workspace) -> [BlendCells.Row] {
    workspace.scope {
      let confidences = workspace.vector(users.rows)
      catalogue.confidence(users, into: confidences, workspace: workspace)
      return round.blocks.flatMap { block in block.users.map { _ in block.index } }.enumerated().map { slot, shard in
        BlendCells.Row(
          shard: shard, confidence: confidences[slot], likeness: likenesses[slot],
          ranks: (0..<bounds.columns).map { rank(of: slot, $0) })
      }
    }
  }

  /// A user's rank, from 1, under a blend of the grid.
  ///
  /// The target's own score may differ in its last bit from the bound, so that it is not counted: never below 1.
  private func rank(of slot: Int, _ index: Int) -> Int32 { max(1, counts[slot * bounds.columns + index]) }
}
