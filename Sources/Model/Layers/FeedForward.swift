import Host
import Tensors

/// The position-wise feed-forward network: `W₂ gelu(W₁ x + b₁)`, width 4d; gelu is the exact erf form.
///
/// In gated blocks `W₂ (swish(W_l x + b_l) · (W_r x + b_r))` of the same width (SwiGLU, Shazeer 2020), W_l and W_r side by side in W₁ `[d, 8d]`.
///
/// The second bias and the dropout are left to the block, which adds them with the residual in one pass. Works on blocks of rows
/// whose hidden layer stays in the cache.
struct FeedForward {
  /// The weights as one pass needs them.
  struct Factors {
    let up: PackedFactor
    let down: PackedFactor
  }

  /// d → 4d, or 8d where the unit is gated.
  package let up: Linear
  /// 4d → d.
  package let down: Linear

  /// The columns that gelu or the gated unit is applied to.
  package var hidden: Int { up.weight.value.columns }

  /// Declares the parameters under the block's name.
  package static func specs(_ name: String, width: Int, _ form: BlockForm = .prenorm) -> [ParameterSpec] {
    Linear.specs("\(name).up", inputs: width, outputs: (form == .gated ? 8 : 4) * width)
      + Linear.specs("\(name).down", inputs: 4 * width, outputs: width)
  }

  /// Finds the parameters in an arena.
  init(_ name: String, in arena: ParameterArena) {
    up = Linear("\(name).up", in: arena)
    down = Linear("\(name).down", in: arena)
  }

  /// Packs the weights for `forward`.
  package func factors(_ precision: NumberFormat, workspace: Workspace) -> Factors {
    Factors(up: up.factor(precision, workspace: workspace), down: down.factor(precision, workspace: workspace))
  }

  /// Packs the weights for `backward`.
  func transposedFactors(_ precision: NumberFormat, workspace: Workspace) -> Factors {
    Factors(
      up: up.transposedFactor(precision, workspace: workspace), down: down.transposedFactor(precision, workspace: workspace))
  }

  /// Writes the result (without the second bias) of x `[rows, d]` into y `[rows, d]`, and what gelu was applied to into `before`
  /// `[rows, 4d]` (the gated unit: `[rows, 8d]`), for backward.
  package func forward(_ x: StoredRows, _ factors: Factors, before: StoredRows, into y: Matrix, workspace: Workspace) {
    workspace.scope {
      let product = workspace.matrix(before.rows, before.columns)
      let after = workspace.rows(before.rows, inner, factors.up.precision)
      multiply(x, factors.up, into: product)
      if isGated {
        addBiasAndSwiGLU(up.bias.vector, to: product, before: before, after: after)
      } else {
        addBiasAndGelu(up.bias.vector, to: product, before: before, after: after)
      }
      multiply(after, factors.down, into: y)
    }
  }

  /// From dY `[rows, d]`: adds to the parameters' gradients, writes dX `[rows, d]`.
  ///
  /// - Parameter factors: the transposed ones.
  package func backward(x: StoredRows, before: StoredRows, dY: StoredRows, _ factors: Factors, dX: Matrix, workspace: Workspace) {
    workspace.scope {
      let dAfter = workspace.matrix(before.rows, inner)
      let after = workspace.rows(before.rows, inner, factors.up.precision)
      let dBefore = workspace.rows(before.rows, before.columns, factors.up.precision)
      multiply(dY, factors.down, into: dAfter)
      if isGated {
        swiGLUBackward(before: before, dAfter: dAfter, after: after, dBefore: dBefore)
      } else {
        geluBackward(before: before, dAfter: dAfter, after: after, dBefore: dBefore)
      }
      down.addGradients(x: after, dY: dY, workspace: workspace)
      up.addGradients(x: x, dY: dBefore, workspace: workspace)
      multiply(dBefore, factors.up, into: dX)
    }
  }

  /// The width between the two maps, 4d.
  private var inner: Int { down.weight.value.rows }
  private var isGated: Bool { hidden == 2 * inner }
}
