import Kernels
public import Tensors

/// The position-wise feed-forward network: `W₂ gelu(W₁ x + b₁)`, width 4d; gelu is the exact erf form.
///
/// The second bias and the dropout are left to the block, which adds them with the residual in one pass. Works on blocks of rows
/// whose hidden layer stays in the cache.
public struct FeedForward {
  /// The weights as one pass needs them.
  public struct Factors {
    let up: PackedFactor
    let down: PackedFactor
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

  /// Packs the weights for `forward`.
  public func factors(_ precision: Precision, workspace: Workspace) -> Factors {
    Factors(up: up.factor(precision, workspace: workspace), down: down.factor(precision, workspace: workspace))
  }

  /// Packs the weights for `backward`.
  public func transposedFactors(_ precision: Precision, workspace: Workspace) -> Factors {
    Factors(
      up: up.transposedFactor(precision, workspace: workspace), down: down.transposedFactor(precision, workspace: workspace))
  }

  /// Writes the result (without the second bias) of x `[rows, d]` into y `[rows, d]`, and what gelu was applied to into `before`
  /// `[rows, 4d]`, for backward.
  public func forward(_ x: StoredRows, _ factors: Factors, before: StoredRows, into y: Matrix, workspace: Workspace) {
    workspace.scope {
      let hidden = workspace.matrix(before.rows, before.columns)
      let after = workspace.rows(before.rows, before.columns, factors.up.precision)
      multiply(x, factors.up, into: hidden)
      addBiasAndGelu(up.bias.vector, to: hidden, before: before, after: after)
      multiply(after, factors.down, into: y)
    }
  }

  /// From dY `[rows, d]`: adds to the parameters' gradients, writes dX `[rows, d]`.
  ///
  /// - Parameter factors: the transposed ones.
  public func backward(x: StoredRows, before: StoredRows, dY: StoredRows, _ factors: Factors, dX: Matrix, workspace: Workspace) {
    workspace.scope {
      let dAfter = workspace.matrix(before.rows, before.columns)
      let after = workspace.rows(before.rows, before.columns, factors.up.precision)
      let dBefore = workspace.rows(before.rows, before.columns, factors.up.precision)
      multiply(dY, factors.down, into: dAfter)
      geluBackward(before: before, dAfter: dAfter, after: after, dBefore: dBefore)
      down.addGradients(x: after, dY: dY, workspace: workspace)
      up.addGradients(x: x, dY: dBefore, workspace: workspace)
      multiply(dBefore, factors.up, into: dX)
    }
  }
}
