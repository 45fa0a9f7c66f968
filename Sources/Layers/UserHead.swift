import Kernels
public import Tensors

/// The targeted phase's user embedding: `n·d → 2d → d` over all positions, gelu between.
///
/// docs/model.md, section 3.
///
/// Two kinds: `mlp` (the paper) is the MLP alone; `residual` (ours) adds it to the newest position's h, with the last layer
/// starting at zero, so that phase 2 begins at phase 1's quality. Letters: B users, n length, d width.
public struct UserHead {
  /// Activations kept for backward.
  public struct Saved {
    let flat: Matrix  // [B, n · d], missing positions zero
    let before: Matrix  // [B, 2d]
    let after: Matrix  // [B, 2d]
  }

  /// Declares the two layers.
  public static func specs(length: Int, width: Int, residual: Bool) -> [ParameterSpec] {
    Linear.specs("user.0", inputs: length * width, outputs: 2 * width)
      + Linear.specs("user.1", inputs: 2 * width, outputs: width, zero: residual)
  }

  /// Finds the parameters in an arena.
  public init(length: Int, residual: Bool, in arena: ParameterArena) {
    self.length = length
    self.residual = residual
    hidden = Linear("user.0", in: arena)
    output = Linear("user.1", in: arena)
  }

  /// Writes h' `[B, d]` from the packed h `[T, d]`; a user without events gets the MLP of nothing.
  public func forward(_ h: Matrix, batch: PackedBatch, into users: Matrix, workspace: Workspace) -> Saved {
    let width = h.columns
    let saved = Saved(
      flat: workspace.zeros(batch.users, length * width), before: workspace.matrix(batch.users, 2 * width),
      after: workspace.matrix(batch.users, 2 * width))
    for user in 0..<batch.users {
      let source = h.rows(batch.rows(of: user))
      newest(source.rows, of: saved.flat, user, width).update(from: source.base, count: source.count)
    }
    hidden.forwardWithoutBias(saved.flat, into: saved.before)
    addBiasAndGelu(hidden.bias.vector, before: saved.before, after: saved.after)
    output.forward(saved.after, into: users)
    if residual {
      for (user, row) in newestRows(batch) { add(h.rows(row..<row + 1), to: users.rows(user..<user + 1)) }
    }
    return saved
  }

  /// From dUsers `[B, d]`: adds to the parameters' gradients and to dH `[T, d]`.
  public func backward(saved: Saved, dUsers: Matrix, batch: PackedBatch, dH: Matrix, workspace: Workspace) {
    workspace.scope {
      let width = dH.columns
      let dHidden = workspace.matrix(batch.users, 2 * width)
      output.backward(x: saved.after, dY: dUsers, dX: dHidden)
      geluBackward(before: saved.before, dAfter: dHidden, dBefore: dHidden)
      let dFlat = workspace.matrix(batch.users, length * width)
      hidden.backward(x: saved.flat, dY: dHidden, dX: dFlat)
      for user in 0..<batch.users {
        let target = dH.rows(batch.rows(of: user))
        let source = Matrix(newest(target.rows, of: dFlat, user, width), rows: target.rows, columns: width)
        add(source, to: target)
      }
      if residual {
        for (user, row) in newestRows(batch) { add(dUsers.rows(user..<user + 1), to: dH.rows(row..<row + 1)) }
      }
    }
  }

  /// Where the last `count` positions of a user stand in the flat row: padding is on the left.
  private func newest(_ count: Int, of flat: Matrix, _ user: Int, _ width: Int) -> UnsafeMutablePointer<Float> {
    precondition(count <= length, "\(count) positions in a head of \(length)")
    return flat.row(user) + (length - count) * width
  }

  /// Each user's newest packed row; users without events have none.
  private func newestRows(_ batch: PackedBatch) -> some Sequence<(Int, Int)> {
    (0..<batch.users).lazy.filter { !batch.rows(of: $0).isEmpty }.map { ($0, batch.rows(of: $0).upperBound - 1) }
  }

  private let length: Int
  private let residual: Bool
  private let hidden: Linear
  private let output: Linear
}
