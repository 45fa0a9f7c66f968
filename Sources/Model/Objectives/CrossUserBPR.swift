package import Tensors

/// The targeted phase's ranking loss: a user's own target against what *other users* make of it.
///
/// docs/model.md, section 3.
///
///     ℒ = − 1/|Π| Σ_{(u, u') ∈ Π} log σ(s h'_u·e_{t_u} − s h'_{u'}·e_{t_u}),   Π: ordered pairs with t_u ≠ t_{u'}
///
/// The users are those of the global batch. Each rank holds all user embeddings and its own users' targets; the gradient
/// for the others' embeddings is theirs to add. Rows are worked in blocks, so no `[B, B]` matrix is held.
package struct CrossUserBPR {
  /// The users of the whole global batch, and which of them are this rank's.
  package struct Query {
    /// h' `[B, d]`, B users.
    package let users: Matrix
    /// The target item of each of the B users.
    package let targets: RowList
    /// Which of the B users are this rank's.
    package let own: Range<Int>
    /// Rows of e of those users' targets.
    let ownTargetRows: RowList

    /// Describes the users.
    package init(users: Matrix, targets: RowList, own: Range<Int>, ownTargetRows: RowList) {
      precondition(own.count == ownTargetRows.count && targets.count == users.rows, "\(own) own users of \(users.shape)")
      self.users = users
      self.targets = targets
      self.own = own
      self.ownTargetRows = ownTargetRows
    }
  }

  /// s, the factor on every score.
  package let logitScale: Float
  /// Rows whose scores are held at a time.
  private static let blockRows = 64

  /// Makes the loss.
  package init(logitScale: Float) { self.logitScale = logitScale }

  /// Floats that a pass of `users` own among `all` users takes of the workspace: all users, their gradients and one of them packed; own gradients;
  /// a block of scores with its targets; lists of targets.
  package static func workspaceFloats(users: Double, all: Double, width: Int) -> Double {
    let d = Double(width)
    return 3 * all * d + users * d + Double(blockRows) * (all + 2 * d) + 3 * all
  }

  /// |Π|: the ordered pairs of users with different targets, out of all users' targets.
  package static func pairs(targets: RowList, workspace: Workspace) -> Int {
    workspace.scope {
      let sorted = UnsafeMutableBufferPointer(start: workspace.take(Int32.self, targets.count), count: targets.count)
      _ = sorted.update(fromContentsOf: targets)
      radixSort(sorted, scratch: workspace.take(Int32.self, targets.count))
      var same = 0
      var start = 0
      for end in 1...max(sorted.count, 1) where end >= sorted.count || sorted[end] != sorted[start] {
        same += (end - start) * (end - start)
        start = end
      }
      return sorted.isEmpty ? 0 : sorted.count * sorted.count - same
    }
  }

  /// Returns Σ over this rank's pairs; adds `weight` times the gradients to dUsers `[B, d]` and dE `[U, d]`.
  ///
  /// - Parameters:
  ///   - e: embeddings `[U, d]` of the batch's unique items.
  ///   - weight: 1 / |Π|, times the loss's weight in the objective.
  package func lossAndGradients(
    _ query: Query, e: Matrix, weight: Float, dUsers: Matrix, dE: Matrix, workspace: Workspace
  ) -> Double {
    let (users, targets, own) = (query.users, query.targets, query.own)
    var total = 0.0
    for start in stride(from: own.lowerBound, to: own.upperBound, by: Self.blockRows) {
      let rows = start..<min(start + Self.blockRows, own.upperBound)
      workspace.scope {
        let targetRows = RowList(
          rebasing: query.ownTargetRows[(rows.lowerBound - own.lowerBound)..<(rows.upperBound - own.lowerBound)])
        let targetE = workspace.matrix(rows.count, e.columns)
        gather(targetRows, from: e, into: targetE)
        let scores = workspace.matrix(rows.count, users.rows)
        multiply(targetE, users, rightTransposed: true, into: scores, factor: logitScale, workspace: workspace)
        let columns = UnsafeMutableBufferPointer(start: workspace.take(Int32.self, rows.count), count: rows.count)
        for (index, row) in rows.enumerated() { columns[index] = Int32(row) }
        total += crossUserBPRBlock(
          scores: scores, rowTargets: RowList(rebasing: targets[rows]), userTargets: targets, own: RowList(columns),
          weight: weight * logitScale)
        multiply(scores, transposed: true, targetE, into: dUsers, adding: true, workspace: workspace)
        let dTargetE = workspace.matrix(rows.count, e.columns)
        multiply(scores, users, into: dTargetE, workspace: workspace)
        scatterAdd(dTargetE, to: targetRows, of: dE)
      }
    }
    return total
  }
}
