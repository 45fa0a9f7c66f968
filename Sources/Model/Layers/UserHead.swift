package import Host
package import Tensors

/// The targeted phase's user embedding: `n·d → 2d → d` over all positions, gelu between.
///
/// docs/model.md, section 3.
///
/// Two kinds: `mlp` (the paper) is the MLP alone; `residual` (ours) adds it to the newest position's h, with the last layer
/// starting at zero, so that phase 2 begins at phase 1's quality. Letters: B users, n length, d width.
package struct UserHead {
  /// Activations kept for backward.
  package struct Saved {
    let flat: StoredRows  // [B, n · d], missing positions zero
    let before: StoredRows  // [B, 2d]
  }

  private let length: Int
  private let residual: Bool
  private let hidden: Linear
  private let output: Linear

  /// Declares the two layers.
  package static func specs(length: Int, width: Int, residual: Bool) -> [ParameterSpec] {
    (Linear.specs("user.0", inputs: length * width, outputs: 2 * width)
      + Linear.specs("user.1", inputs: 2 * width, outputs: width, zero: residual)).map { $0.grouped(.userHead) }
  }

  /// Finds the parameters in an arena.
  package init(length: Int, residual: Bool, in arena: ParameterArena) {
    self.length = length
    self.residual = residual
    hidden = Linear("user.0", in: arena)
    output = Linear("user.1", in: arena)
  }

  /// Floats that so many users take of the workspace: what stays for backward, h' and its gradient included, and what backward takes
  /// besides.
  ///
  /// - Parameter factor: floats of an element that is kept as products read it.
  package static func workspaceFloats(users: Double, length: Int, width: Int, factor: Double) -> (kept: Double, backward: Double)
  {
    let (d, n) = (Double(width), Double(length))
    return (users * d * (2 + factor * (n + 2)), users * d * (n + 2 + 5 * factor) + 2 * factor * d * d * (n + 1))
  }

  /// Writes h' `[B, d]` from the packed h `[T, d]`; a user without events gets the MLP of nothing.
  package func forward(
    _ h: Matrix, batch: PackedBatch, precision: NumberFormat = .fp32, into users: Matrix, workspace: Workspace
  ) -> Saved {
    let width = h.columns
    let saved = Saved(
      flat: workspace.rows(batch.users, length * width, precision), before: workspace.rows(batch.users, 2 * width, precision))
    workspace.scope {
      flatten(h, batch, into: saved.flat, workspace)
      let product = workspace.matrix(batch.users, 2 * width)
      let after = workspace.rows(batch.users, 2 * width, precision)
      multiply(saved.flat, hidden.factor(precision, workspace: workspace), into: product)
      addBiasAndGelu(hidden.bias.vector, to: product, before: saved.before, after: after)
      multiply(after, output.factor(precision, workspace: workspace), into: users)
      addBias(output.bias.vector, to: users)
    }
    if residual {
      for (user, row) in newestRows(batch) { add(h.rows(row..<row + 1), to: users.rows(user..<user + 1)) }
    }
    return saved
  }

  /// From dUsers `[B, d]`: adds to the parameters' gradients and to dH `[T, d]`.
  package func backward(saved: Saved, dUsers: Matrix, batch: PackedBatch, dH: Matrix, workspace: Workspace) {
    let precision: NumberFormat = saved.before.element == .bf16 ? .bf16 : .fp32
    workspace.scope {
      let width = dH.columns
      let dResult = workspace.rows(batch.users, width, precision)
      dResult.store(StoredRows(dUsers))
      let dAfter = workspace.matrix(batch.users, 2 * width)
      multiply(dResult, output.transposedFactor(precision, workspace: workspace), into: dAfter)
      let after = workspace.rows(batch.users, 2 * width, precision)
      let dBefore = workspace.rows(batch.users, 2 * width, precision)
      geluBackward(before: saved.before, dAfter: dAfter, after: after, dBefore: dBefore)
      output.addGradients(x: after, dY: dResult, workspace: workspace)
      hidden.addGradients(x: saved.flat, dY: dBefore, workspace: workspace)
      let dFlat = workspace.matrix(batch.users, length * width)
      multiply(dBefore, hidden.transposedFactor(precision, workspace: workspace), into: dFlat)
      for user in 0..<batch.users {
        let target = dH.rows(batch.rows(of: user))
        let source = dFlat.row(user) + missing(target.rows) * width
        add(Matrix(source, rows: target.rows, columns: width), to: target)
      }
      if residual {
        for (user, row) in newestRows(batch) { add(dUsers.rows(user..<user + 1), to: dH.rows(row..<row + 1)) }
      }
    }
  }

  /// Each user's positions in one row, the newest at its end.
  private func flatten(_ h: Matrix, _ batch: PackedBatch, into flat: StoredRows, _ workspace: Workspace) {
    workspace.scope {
      let line = workspace.vector(flat.columns)
      for user in 0..<batch.users {
        let source = h.rows(batch.rows(of: user))
        let start = missing(source.rows) * h.columns
        line[0..<start].clear()
        (line.base + start).update(from: source.base, count: source.count)
        flat.rows(user..<user + 1).store(line.base)
      }
    }
  }

  /// How many positions a user with `count` of them lacks: padding is on the left.
  private func missing(_ count: Int) -> Int {
    precondition(count <= length, "\(count) positions in a head of \(length)")
    return length - count
  }

  /// Each user's newest packed row; users without events have none.
  private func newestRows(_ batch: PackedBatch) -> some Sequence<(Int, Int)> {
    (0..<batch.users).lazy.filter { !batch.rows(of: $0).isEmpty }.map { ($0, batch.rows(of: $0).upperBound - 1) }
  }
}
