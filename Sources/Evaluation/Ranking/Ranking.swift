package import Tensors

/// Where users' held-out items stand among all items of the catalogue, for many users at once.
///
/// docs/model.md, section 6.
///
/// Full ranking, never sampled. Ties count against the model: the target ranks after every item of equal score, and NaN counts as
/// ahead, so a collapsed or broken model cannot look good. Scores are never in memory: first every user's bound is found, the score
/// of the target, then items are counted against it. Both are packed products, so a target's score has the same bits in both, and
/// the ranks do not depend on how users and items are cut into blocks. Where the processor multiplies bfloat16, `ScreenedPass` decides
/// most items by that, as float32 would.
package struct Ranking {
  /// Users taken against a strip of items at a time: with d = 128 their embeddings fill 64 KiB of the cache.
  static let usersAtATime = 128
  /// Items taken at a time; where the best are looked for, so many scores are kept of so many users: 256 KiB.
  static let itemsAtATime = 512
  /// Scores that are passed over together, when none of them is good enough.
  private static let scoresAtATime = 64

  /// The users' embeddings `[users, d]`, to be filled in before anything else.
  package let users: Matrix
  let bounds: Vector
  let counts: UnsafeMutableBufferPointer<Int64>
  /// The groups of users whose items are worth deciding in bfloat16, while they are; nil where that is not done.
  let screened: UnsafeMutablePointer<Bool>?

  /// Makes room for users in a workspace.
  ///
  /// - Parameter screens: whether items are decided in bfloat16 where that is possible, which changes no rank; nil = where the vectors are
  ///   long enough to gain by it.
  package init(users: Int, width: Int, screens: Bool? = nil, workspace: Workspace) {
    let canScreen = RoundedRows.isSupported(width: width)
    let groups = (users + Self.usersAtATime - 1) / Self.usersAtATime
    screened = canScreen && (screens ?? (width >= 32)) ? workspace.take(Bool.self, groups) : nil
    screened?.update(repeating: true, count: groups)
    self.users = workspace.matrix(users, width)
    bounds = workspace.vector(users)
    counts = UnsafeMutableBufferPointer(start: workspace.take(Int64.self, users), count: users)
    counts.update(repeating: 0)
  }

  /// Sets what a user is evaluated by: rows of embeddings `[items, d]`, the target's first, then those of the items that do not
  /// compete (distinct, without the target).
  package func setTarget(_ user: Int, by items: Matrix, at rows: RowList, workspace: Workspace) {
    workspace.scope {
      let scores = workspace.take(Float.self, rows.count)
      multiplyRow(Vector(users.row(user), count: users.columns), with: items, at: rows, into: scores)
      let bound = scores[0]
      bounds[user] = bound
      // They will be counted with all others, so they are taken off beforehand.
      for excluded in 1..<rows.count where !(scores[excluded] < bound) { counts[user] -= 1 }
    }
  }

  /// Counts some items `[block, d]` of the catalogue against every user; each item of the catalogue must come once.
  package func count(_ items: Matrix, workspace: Workspace) {
    count(items, from: 0, into: nil, isExcluded: { _, _ in false }, workspace: workspace)
  }

  /// The same, and puts the best items into `first`: the block holds the catalogue's rows from `row` on, and blocks come in order.
  ///
  /// The scores have the same bits here and there, and so have the ranks.
  ///
  /// - Parameter isExcluded: whether an item does not compete for a user; asked for the few that are good enough.
  func count(
    _ items: Matrix, from row: Int, into first: FirstItems?, isExcluded: (Int, Int32) -> Bool, workspace: Workspace
  ) {
    workspace.scope {
      let blocks = stride(from: 0, to: items.rows, by: Self.itemsAtATime).map { start in
        start..<min(start + Self.itemsAtATime, items.rows)
      }
      let pass = screened.map { ScreenedPass(self, $0, items, blocks, from: row, into: first, workspace) }
      var factors = [PackedFactor?](repeating: nil, count: blocks.count)
      for (group, slots) in groups.enumerated() {
        pass?.begin(slots)
        for (block, rows) in blocks.enumerated() where pass?.screen(group, slots, block, isExcluded) != true {
          let factor = factors[block] ?? PackedFactor(items.rows(rows), transposed: true, workspace: workspace)
          factors[block] = factor
          score(slots, factor, from: row + rows.lowerBound, into: first, isExcluded, workspace)
        }
        pass?.finish(slots, isExcluded)
      }
    }
  }

  /// The users in groups that go through a block of items together.
  var groups: [Range<Int>] {
    stride(from: 0, to: users.rows, by: Self.usersAtATime).map { $0..<min($0 + Self.usersAtATime, users.rows) }
  }

  /// Forms all scores of a group of users with a block of items, catalogue rows from `row` on.
  private func score(
    _ slots: Range<Int>, _ items: PackedFactor, from row: Int, into first: FirstItems?, _ isExcluded: (Int, Int32) -> Bool,
    _ workspace: Workspace
  ) {
    guard let first else {
      return countNotBelow(
        bounds[slots], in: users.rows(slots), times: items, counts: UnsafeMutableBufferPointer(rebasing: counts[slots]))
    }
    workspace.scope {
      let scores = workspace.matrix(slots.count, items.columns)
      multiply(users.rows(slots), items, into: scores)
      for (line, slot) in slots.enumerated() {
        let found = UnsafeBufferPointer(start: UnsafePointer(scores.row(line)), count: items.columns)
        let below = scan(slot, found, from: row, into: first, isExcluded)
        counts[slot] += Int64(items.columns - below)
      }
    }
  }

  /// How many of a user's scores are below its bound, and puts those that are good enough into `first`.
  ///
  /// One pass in vectors: most scores are neither the one nor the other, and comparing them one by one would take longer than forming them.
  private func scan(
    _ user: Int, _ scores: UnsafeBufferPointer<Float>, from row: Int, into first: FirstItems, _ isExcluded: (Int, Int32) -> Bool
  ) -> Int {
    guard let base = scores.baseAddress else { return 0 }
    let (bytes, lanes, bound) = (UnsafeRawPointer(base), SIMD16<Float>.scalarCount, bounds[user])
    let whole = scores.count / Self.scoresAtATime * Self.scoresAtATime
    var (below, threshold) = (SIMD16<Int32>.zero, first.threshold(user))
    for start in stride(from: 0, to: whole, by: Self.scoresAtATime) {
      var good = SIMD16<Int32>.zero
      for index in stride(from: start, to: start + Self.scoresAtATime, by: lanes) {
        let part = bytes.loadUnaligned(fromByteOffset: 4 * index, as: SIMD16<Float>.self)
        below.replace(with: below &+ 1, where: part .< bound)
        good.replace(with: 1, where: part .> threshold)
      }
      guard good.max() > 0 else { continue }
      threshold = select(user, scores, start..<start + Self.scoresAtATime, from: row, into: first, isExcluded)
    }
    _ = select(user, scores, whole..<scores.count, from: row, into: first, isExcluded)
    return Int(below.wrappedSum()) + scores[whole...].count { $0 < bound }
  }

  /// Puts the good ones of a run of scores into `first`; returns what a score must be above from now on.
  private func select(
    _ user: Int, _ scores: UnsafeBufferPointer<Float>, _ run: Range<Int>, from row: Int, into first: FirstItems,
    _ isExcluded: (Int, Int32) -> Bool
  ) -> Float {
    var threshold = first.threshold(user)
    for index in run where scores[index] > threshold && !isExcluded(user, Int32(row + index)) {
      first.insert(Int32(row + index), scores[index], for: user)
      threshold = first.threshold(user)
    }
    return threshold
  }

  /// A user's rank, from 1, once the whole catalogue has been counted: the target is not below its own score.
  package func rank(of user: Int) -> Int { Int(counts[user]) }
}
