import Host
import Tensors

/// How a transformer block adds what its halves compute.
package enum BlockForm: String, Sendable {
  /// `z + half(LN(z))`.
  case prenorm
  /// `z + σ(z W + b) · half(LN(z))`, with a gated linear unit in the feed-forward half: for deeper stacks.
  case gated
}

/// The sum at the end of a half of a block: `z + dropout(x)`, or through a learned gate `z + σ(z W + b) · dropout(x)`, W `[d, d]`.
///
/// Gated sums as in LiGR (LinkedIn 2025, arXiv 2502.03417) and eSASRec's blocks of it, which read z before its norm. Biases start at
/// zero, so gates start near one half.
struct ResidualSum {
  /// What backward needs of a gate besides z, stored as products read it.
  package struct Saved: BitwiseCopyable {
    let logits: StoredRows  // [T, d], what σ is applied to
    let result: StoredRows  // [T, d], what it is multiplied with

    /// The part that belongs to a run of positions.
    func rows(_ range: Range<Int>) -> Saved { Saved(logits: logits.rows(range), result: result.rows(range)) }
  }

  private let gate: Linear?

  /// Declares the gate's parameters; a plain sum has none.
  package static func specs(_ name: String, width: Int, _ form: BlockForm) -> [ParameterSpec] {
    form == .gated ? Linear.specs(name, inputs: width, outputs: width) : []
  }

  /// Finds the gate's parameters in an arena, if it has them.
  init(_ name: String, in arena: ParameterArena) {
    gate = arena.find("\(name).weight") == nil ? nil : Linear(name, in: arena)
  }

  /// W, packed for `forward`; nil of a plain sum.
  package func factor(_ precision: NumberFormat, workspace: Workspace) -> PackedFactor? {
    gate?.factor(precision, workspace: workspace)
  }

  /// Wᵀ, packed for `backward`; nil of a plain sum.
  func transposedFactor(_ precision: NumberFormat, workspace: Workspace) -> PackedFactor? {
    gate?.transposedFactor(precision, workspace: workspace)
  }

  /// Takes room for what backward needs of `positions` positions; nil of a plain sum.
  func makeSaved(positions: Int, width: Int, _ precision: NumberFormat, workspace: Workspace) -> Saved? {
    guard gate != nil else { return nil }
    return Saved(logits: workspace.rows(positions, width, precision), result: workspace.rows(positions, width, precision))
  }

  /// Writes the sum of z and `dropout(x + bias)` into out, all `[rows, d]`; out may be z.
  package func forward(
    _ z: Matrix, _ x: Matrix, bias: Vector, mask: DropoutMask, _ factor: PackedFactor?, saved: Saved?, into out: Matrix,
    workspace: Workspace
  ) {
    guard let gate, let factor, let saved else { return mask.add(x, bias: bias, to: z, into: out) }
    workspace.scope {
      let product = workspace.matrix(z.rows, z.columns)
      multiply(workspace.rows(of: z, factor.precision), factor, into: product)
      addBias(gate.bias.vector, to: product, into: saved.logits)
      mask.addGated(x, bias: bias, by: saved.logits, keeping: saved.result, to: z, into: out)
    }
  }

  /// From dZ `[rows, d]`, the gradient of the sum: writes dX, and adds what goes through the gate to dZ and to the parameters'
  /// gradients.
  ///
  /// - Parameter factor: the transposed one.
  package func backward(
    z: Matrix, saved: Saved?, mask: DropoutMask, _ factor: PackedFactor?, dZ: Matrix, dX: StoredRows, workspace: Workspace
  ) {
    guard let gate, let factor, let saved else { return mask.backward(dZ, into: dX) }
    workspace.scope {
      let dLogits = workspace.rows(dZ.rows, dZ.columns, factor.precision)
      mask.gatedBackward(dZ, by: saved.logits, result: saved.result, dX: dX, dLogits: dLogits)
      gate.addGradients(x: workspace.rows(of: z, factor.precision), dY: dLogits, workspace: workspace)
      multiply(dLogits, factor, into: dZ, adding: true)
    }
  }
}
