import Kernels
public import Tensors

/// The position-wise feed-forward network: `W₂ gelu(W₁ x + b₁)`, width 4d; gelu is the exact erf form.
///
/// The second bias and the dropout are left to the block, which adds them with the residual in one pass.
public struct FeedForward {
  /// Activations kept for backward, both `[T, 4d]`.
  public struct Saved {
    let before: Matrix
    let after: Matrix
  }

  /// d → 4d.
  public let up: Linear
  /// 4d → d.
  public let down: Linear

  /// Declares the parameters under the block's name.
  public static func specs(_ name: String, width: Int) -> [ParameterSpec] {
    Linear.specs("\(name).up", inputs: width, outputs: 4 * width)
      + Linear.specs("\(name).down", inputs: 4 * width, outputs: width)
  }

  /// Finds the parameters in an arena.
  public init(_ name: String, in arena: ParameterArena) {
    up = Linear("\(name).up", in: arena)
    down = Linear("\(name).down", in: arena)
  }

  /// Writes the result (without the second bias) of x `[T, d]` into y `[T, d]`.
  public func forward(_ x: Matrix, into y: Matrix, workspace: Workspace) -> Saved {
    let saved = Saved(before: workspace.matrix(x.rows, 4 * x.columns), after: workspace.matrix(x.rows, 4 * x.columns))
    up.forwardWithoutBias(x, into: saved.before)
    addBiasAndGelu(up.bias.vector, before: saved.before, after: saved.after)
    down.forwardWithoutBias(saved.after, into: y)
    return saved
  }

  /// From dY `[T, d]`: adds to the parameters' gradients, writes dX `[T, d]`.
  public func backward(x: Matrix, saved: Saved, dY: Matrix, dX: Matrix, workspace: Workspace) {
    workspace.scope {
      let dHidden = workspace.matrix(x.rows, 4 * x.columns)
      down.backward(x: saved.after, dY: dY, dX: dHidden)
      geluBackward(before: saved.before, dAfter: dHidden, dBefore: dHidden)
      up.backward(x: x, dY: dHidden, dX: dX)
    }
  }
}
