import Kernels
public import Tensors

/// Multi-head self-attention over packed sequences (Vaswani and others 2017): `out(softmax(q kᵀ / √w) v)` per head.
///
/// Letters: T packed positions, d model width, w = d / heads. The output projection's bias and the dropout are left to
/// the block, which adds them with the residual in one pass.
public struct SelfAttention {
  /// Activations kept for backward.
  public struct Saved {
    let qkv: Matrix  // [T, 3d]
    let mixed: Matrix  // [T, d], the heads' results before the output projection
    let logSums: Vector  // [heads · T], sequence by sequence
  }

  /// The number of heads.
  public let heads: Int
  /// q | k | v, `[d, 3d]`.
  public let qkv: Linear
  /// The output projection `[d, d]`.
  public let out: Linear

  /// Declares the parameters under the block's name.
  public static func specs(_ name: String, width: Int) -> [ParameterSpec] {
    Linear.specs("\(name).qkv", inputs: width, outputs: 3 * width) + Linear.specs("\(name).out", inputs: width, outputs: width)
  }

  /// Finds the parameters in an arena.
  public init(_ name: String, heads: Int, in arena: ParameterArena) {
    self.heads = heads
    qkv = Linear("\(name).qkv", in: arena)
    out = Linear("\(name).out", in: arena)
  }

  /// Writes the projected result (without its bias) of x `[T, d]` into y `[T, d]`.
  public func forward(_ x: Matrix, batch: PackedBatch, causal: Bool, into y: Matrix, workspace: Workspace) -> Saved {
    let saved = Saved(
      qkv: workspace.matrix(x.rows, 3 * x.columns), mixed: workspace.matrix(x.rows, x.columns),
      logSums: workspace.vector(heads * x.rows))
    qkv.forward(x, into: saved.qkv)
    workspace.scope {
      let scratch = workspace.vector(attentionScratch(length: batch.longest, headWidth: x.columns / heads))
      for user in 0..<batch.users {
        let rows = batch.rows(of: user)
        attention(
          saved.qkv.rows(rows), heads: heads, causal: causal, into: saved.mixed.rows(rows), logSum: logSums(saved, rows),
          scratch: scratch)
      }
    }
    out.forwardWithoutBias(saved.mixed, into: y)
    return saved
  }

  /// From dY `[T, d]`: adds to the parameters' gradients, writes dX `[T, d]`.
  public func backward(x: Matrix, saved: Saved, batch: PackedBatch, causal: Bool, dY: Matrix, dX: Matrix, workspace: Workspace) {
    workspace.scope {
      let dMixed = workspace.matrix(x.rows, x.columns)
      let dQKV = workspace.matrix(x.rows, 3 * x.columns)
      out.backward(x: saved.mixed, dY: dY, dX: dMixed)
      let scratch = workspace.vector(attentionScratch(length: batch.longest, headWidth: x.columns / heads))
      for user in 0..<batch.users {
        let rows = batch.rows(of: user)
        attentionBackward(
          saved.qkv.rows(rows), heads: heads, causal: causal, out: saved.mixed.rows(rows), logSum: logSums(saved, rows),
          dOut: dMixed.rows(rows), dQKV: dQKV.rows(rows), scratch: scratch)
      }
      qkv.backward(x: x, dY: dQKV, dX: dX)
    }
  }

  private func logSums(_ saved: Saved, _ rows: Range<Int>) -> Vector {
    saved.logSums[(heads * rows.lowerBound)..<(heads * rows.upperBound)]
  }
}
