import Kernels
public import Tensors

/// Where users' held-out items stand among all items of the catalogue, for many users at once.
///
/// docs/model.md, section 6.
///
/// Full ranking, never sampled. Ties count against the model: the target ranks after every item of equal score, and NaN counts as
/// ahead, so a collapsed or broken model cannot look good. Scores are never in memory: first every user's bound is found, the score
/// of the target, then items are counted against it. Both are packed products, so a target's score has the same bits in both, and
/// the ranks do not depend on how users and items are cut into blocks.
public struct Ranking {
  /// Users taken against a strip of items at a time: with d = 128 their embeddings fill 64 KiB of the cache.
  private static let usersAtATime = 128

  /// The users' embeddings `[users, d]`, to be filled in before anything else.
  public let users: Matrix

  /// Makes room for users in a workspace.
  public init(users: Int, width: Int, workspace: Workspace) {
    self.users = workspace.matrix(users, width)
    bounds = workspace.vector(users)
    counts = UnsafeMutableBufferPointer(start: workspace.take(Int64.self, users), count: users)
    counts.update(repeating: 0)
  }

  /// Sets what a user is judged by, from embeddings `[1 + excluded, d]`: the target's first, then those of the items that do not
  /// compete (distinct, without the target).
  public func judge(_ user: Int, by items: Matrix, workspace: Workspace) {
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
  public func count(_ items: Matrix, workspace: Workspace) {
    workspace.scope {
      let factor = PackedFactor(items, transposed: true, workspace: workspace)
      for start in stride(from: 0, to: users.rows, by: Self.usersAtATime) {
        let slots = start..<min(start + Self.usersAtATime, users.rows)
        countNotBelow(
          bounds[slots], in: users.rows(slots), times: factor, counts: UnsafeMutableBufferPointer(rebasing: counts[slots]))
      }
    }
  }

  /// A user's rank, from 1, once the whole catalogue has been counted: the target is not below its own score.
  public func rank(of user: Int) -> Int { Int(counts[user]) }

  private let bounds: Vector
  private let counts: UnsafeMutableBufferPointer<Int64>
}
