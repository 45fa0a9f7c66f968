package import Tensors

/// Where users' held-out items stand among all items of the catalogue, for many users at once.
///
/// docs/model.md, section 6.
///
/// Full ranking, never sampled. Ties count against the model: the target ranks after every item of equal score, and NaN counts as
/// ahead, so a collapsed or broken model cannot look good. Scores are never in memory: first every user's bound is found, the score
/// of the target, then items are counted against it. Both are packed products, so a target's score has the same bits in both, and
/// the ranks do not depend on how users and items are cut into blocks.
package struct Ranking {
  /// Users taken against a strip of items at a time: with d = 128 their embeddings fill 64 KiB of the cache.
  private static let usersAtATime = 128
  /// Items whose scores are kept at a time, where the best are looked for: 256 KiB for so many users.
  private static let itemsAtATime = 512
  /// Scores that are passed over together, when none of them is good enough.
  private static let scoresAtATime = 64

  /// The users' embeddings `[users, d]`, to be filled in before anything else.
  package let users: Matrix
  private let bounds: Vector
  private let counts: UnsafeMutableBufferPointer<Int64>

  /// Makes room for users in a workspace.
  package init(users: Int, width: Int, workspace: Workspace) {
    self.users = workspace.matrix(users, width)
    bounds = workspace.vector(users)
    counts = UnsafeMutableBufferPointer(start: workspace.take(Int64.self, users), count: users)
    counts.update(repeating: 0)
  }

  /// Sets what a user is evaluated by, from embeddings `[1 + excluded, d]`: the target's first, then those of the items that do not
  /// compete (distinct, without the target).
  package func setTarget(_ user: Int, by items: Matrix, workspace: Workspace) {
    workspace.scope {
      // The user is the packed factor: one row is packed faster than all that it has seen, and an element has the same bits.
      let scores = workspace.matrix(items.rows, 1)
      multiply(items, PackedFactor(users.rows(user..<user + 1), transposed: true, workspace: workspace), into: scores)
      let bound = scores[0, 0]
      bounds[user] = bound
      // They will be counted with all others, so they are taken off beforehand.
      for excluded in 1..<items.rows where !(scores[excluded, 0] < bound) { counts[user] -= 1 }
    }
  }

  /// Counts some items `[block, d]` of the catalogue against every user; each item of the catalogue must come once.
  package func count(_ items: Matrix, workspace: Workspace) {
    workspace.scope {
      let factor = PackedFactor(items, transposed: true, workspace: workspace)
      for start in stride(from: 0, to: users.rows, by: Self.usersAtATime) {
        let slots = start..<min(start + Self.usersAtATime, users.rows)
        countNotBelow(
          bounds[slots], in: users.rows(slots), times: factor, counts: UnsafeMutableBufferPointer(rebasing: counts[slots]))
      }
    }
  }

  /// The same, and puts the best items into `first`: the block holds the catalogue's rows from `row` on, and blocks come in order.
  ///
  /// The scores have the same bits here and there, and so have the ranks.
  ///
  /// - Parameter isExcluded: whether an item does not compete for a user; asked for the few that are good enough.
  func count(
    _ items: Matrix, from row: Int, into first: FirstItems, isExcluded: (Int, Int32) -> Bool, workspace: Workspace
  ) {
    for start in stride(from: 0, to: items.rows, by: Self.itemsAtATime) {
      workspace.scope {
        let block = items.rows(start..<min(start + Self.itemsAtATime, items.rows))
        let factor = PackedFactor(block, transposed: true, workspace: workspace)
        let scores = workspace.matrix(min(Self.usersAtATime, users.rows), block.rows)
        for slot in stride(from: 0, to: users.rows, by: Self.usersAtATime) {
          let slots = slot..<min(slot + Self.usersAtATime, users.rows)
          multiply(users.rows(slots), factor, into: scores.rows(0..<slots.count))
          for (line, slot) in slots.enumerated() {
            let found = UnsafeBufferPointer(start: UnsafePointer(scores.row(line)), count: block.rows)
            let below = scan(slot, found, from: row + start, into: first, isExcluded)
            counts[slot] += Int64(block.rows - below)
          }
        }
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
