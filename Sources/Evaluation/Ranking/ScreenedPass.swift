import Tensors

/// One walk of users through some items, deciding in bfloat16 what float32 would decide alike, and scoring in float32 what is open.
///
/// A score in bfloat16 comes with a bound of its distance to the float32 one (screen.c). An item is decided where the target's score is
/// farther away than that; of the others, one or two in a hundred, and of those that may be among a user's first items, the float32 score is
/// formed and compared as ever. So ranks and first items are those of float32, whatever the numbers are. A group of users of which
/// too much stays open is scored in float32 from then on.
struct ScreenedPass {
  /// Of so many items one may be open: with more, the open ones take longer than bfloat16 saves.
  private static let openLimit = 16
  private let ranking: Ranking
  private let worthwhile: UnsafeMutablePointer<Bool>
  private let items: Matrix
  private let blocks: [(rows: Range<Int>, factor: ScreenedItems)]
  private let row: Int
  private let first: FirstItems?
  /// Of one group of users, from here on: their vectors.
  private let users: RoundedRows
  /// Items of each that are still to be scored.
  private let undecided: OpenItems
  /// What is surely not below the bounds, what is wanted.
  private let ahead: UnsafeMutablePointer<Int64>
  private let wanted: Vector
  /// Of one user: scores of undecided items.
  private let scores: UnsafeMutablePointer<Float>

  /// Prepares a walk through some items `[rows, d]`, catalogue rows from `row` on, in blocks; it lives in the workspace.
  ///
  /// - Parameters:
  ///   - worthwhile: for each group of users whether it is screened; becomes false where it was not worth it.
  ///   - blocks: rows of `items`, `Ranking.itemsAtATime` at most.
  init(
    _ ranking: Ranking, _ worthwhile: UnsafeMutablePointer<Bool>, _ items: Matrix, _ blocks: [Range<Int>], from row: Int,
    into first: FirstItems?, _ workspace: Workspace
  ) {
    (self.ranking, self.worthwhile, self.items, self.row, self.first) = (ranking, worthwhile, items, row, first)
    self.blocks = blocks.map { ($0, ScreenedItems(items.rows($0), workspace: workspace)) }
    let (group, most) = (Ranking.usersAtATime, Ranking.itemsAtATime)
    users = RoundedRows(capacity: group, width: items.columns, workspace: workspace)
    undecided = OpenItems(rows: group, capacity: most, workspace: workspace)
    ahead = workspace.take(Int64.self, group)
    wanted = workspace.vector(group)
    scores = workspace.take(Float.self, OpenItems.together + most)
  }

  /// Takes a group of users.
  func begin(_ slots: Range<Int>) {
    users.round(ranking.users.rows(slots))
    undecided.removeAll()
  }

  /// Takes the group through a block of the items; false, and nothing is counted, where float32 has to do it.
  func screen(_ group: Int, _ slots: Range<Int>, _ block: Int, _ isExcluded: (Int, Int32) -> Bool) -> Bool {
    // Before its first items are found, a user wants every score.
    guard worthwhile[group], slots.allSatisfy({ first?.isFull($0) ?? true }) else { return false }
    let (rows, factor) = blocks[block]
    if let first { for (line, slot) in slots.enumerated() { wanted[line] = first.threshold(slot) } }
    ahead.update(repeating: 0, count: slots.count)
    let waiting = slots.indices.map { undecided.items(of: $0 - slots.lowerBound).count }
    let found = factor.screen(
      users, bounds: ranking.bounds[slots], wanted: first == nil ? nil : wanted[0..<slots.count], counts: ahead,
      from: rows.lowerBound, into: undecided)
    guard found * Self.openLimit <= slots.count * rows.count else {
      worthwhile[group] = false
      for (line, count) in waiting.enumerated() { undecided.shorten(line, to: count) }
      finish(slots, isExcluded)  // items come in order: those that wait stand before the block's
      return false
    }
    for (line, slot) in slots.enumerated() {
      ranking.counts[slot] += ahead[line]
      // Whole strips: one alone takes as long as a strip.
      let count = undecided.items(of: line).count / OpenItems.together * OpenItems.together
      if count > 0 { resolve(line, slot, count, isExcluded) }
    }
    return true
  }

  /// Scores what still waits of a group.
  func finish(_ slots: Range<Int>, _ isExcluded: (Int, Int32) -> Bool) {
    for (line, slot) in slots.enumerated() { resolve(line, slot, undecided.items(of: line).count, isExcluded) }
  }

  /// Decides the first `count` of a user's undecided items by their float32 scores.
  private func resolve(_ line: Int, _ slot: Int, _ count: Int, _ isExcluded: (Int, Int32) -> Bool) {
    let user = Vector(ranking.users.row(slot), count: ranking.users.columns)
    let found = RowList(rebasing: undecided.items(of: line)[..<count])
    multiplyRow(user, with: items, at: found, into: scores)
    let bound = ranking.bounds[slot]
    var threshold = first?.threshold(slot) ?? .infinity
    for (item, score) in zip(found, UnsafeBufferPointer(start: scores, count: count)) {
      if !(score < bound) { ranking.counts[slot] += 1 }
      guard let first, score > threshold, !isExcluded(slot, Int32(row) + item) else { continue }
      first.insert(Int32(row) + item, score, for: slot)
      threshold = first.threshold(slot)
    }
    undecided.remove(first: count, of: line)
  }
}
