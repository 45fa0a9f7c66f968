import Kernels
public import Tensors

/// One pre-norm block: `z += dropout(MHA(LN(z)))`, `z += dropout(FFN(LN(z)))`.
///
/// docs/model.md, section 2.
///
/// The residual stream z `[T, d]` is updated in place; its two values before the sums are kept for the layer norms.
public struct TransformerBlock {
  /// Activations kept for backward, in the order of the computation.
  public struct Saved {
    let attentionInput: Matrix  // z before the block
    let attentionNormed: Matrix
    let attentionNorm: LayerNorm.Saved
    let attention: SelfAttention.Saved
    let ffnInput: Matrix  // z between the two halves
    let ffnNormed: Matrix
    let ffnNorm: LayerNorm.Saved
    let ffn: FeedForward.Saved
  }

  /// Declares the parameters of block `index`.
  public static func specs(_ index: Int, width: Int) -> [ParameterSpec] {
    let name = "blocks.\(index)"
    return LayerNorm.specs("\(name).attention_norm", width: width) + SelfAttention.specs(name, width: width)
      + LayerNorm.specs("\(name).ffn_norm", width: width) + FeedForward.specs(name, width: width)
  }

  /// Finds the parameters of block `index` in an arena.
  public init(_ index: Int, heads: Int, in arena: ParameterArena) {
    let name = "blocks.\(index)"
    self.index = index
    attentionNorm = LayerNorm("\(name).attention_norm", in: arena)
    attention = SelfAttention(name, heads: heads, in: arena)
    ffnNorm = LayerNorm("\(name).ffn_norm", in: arena)
    ffn = FeedForward(name, in: arena)
    starts = (arena["\(name).attention_norm.scale"].offset, arena["\(name).ffn_norm.scale"].offset)
  }

  /// Updates z `[T, d]`; what backward needs stays in the workspace.
  public func forward(_ z: Matrix, batch: PackedBatch, mode: ForwardMode, workspace: Workspace) -> Saved {
    let (attentionInput, attentionNormed) = (copy(z, workspace), workspace.matrix(z.rows, z.columns))
    let savedNorm = attentionNorm.forward(z, into: attentionNormed, workspace: workspace)
    let result = workspace.matrix(z.rows, z.columns)
    let savedAttention = attention.forward(
      attentionNormed, batch: batch, causal: mode.causal, into: result, workspace: workspace)
    mask(0, batch, mode).add(result, bias: attention.out.bias.vector, to: z)

    let (ffnInput, ffnNormed) = (copy(z, workspace), workspace.matrix(z.rows, z.columns))
    let savedFFNNorm = ffnNorm.forward(z, into: ffnNormed, workspace: workspace)
    let savedFFN = ffn.forward(ffnNormed, into: result, workspace: workspace)
    mask(1, batch, mode).add(result, bias: ffn.down.bias.vector, to: z)
    return Saved(
      attentionInput: attentionInput, attentionNormed: attentionNormed, attentionNorm: savedNorm, attention: savedAttention,
      ffnInput: ffnInput, ffnNormed: ffnNormed, ffnNorm: savedFFNNorm, ffn: savedFFN)
  }

  /// dZ `[T, d]`, the gradient of the block's output, becomes that of its input; parameters' gradients are added to.
  ///
  /// - Parameter onGradients: called after each half, with where the complete part of the flat gradients starts.
  public func backward(
    _ dZ: Matrix, saved: Saved, batch: PackedBatch, mode: ForwardMode, workspace: Workspace, onGradients: (Int) throws -> Void
  ) rethrows {
    try workspace.scope {
      let dResult = workspace.matrix(dZ.rows, dZ.columns)
      let dNormed = workspace.matrix(dZ.rows, dZ.columns)
      mask(1, batch, mode).backward(dZ, into: dResult)
      ffn.backward(x: saved.ffnNormed, saved: saved.ffn, dY: dResult, dX: dNormed, workspace: workspace)
      ffnNorm.backward(x: saved.ffnInput, saved: saved.ffnNorm, dY: dNormed, dX: dZ)
      try onGradients(starts.ffn)

      mask(0, batch, mode).backward(dZ, into: dResult)
      attention.backward(
        x: saved.attentionNormed, saved: saved.attention, batch: batch, causal: mode.causal, dY: dResult, dX: dNormed,
        workspace: workspace)
      attentionNorm.backward(x: saved.attentionInput, saved: saved.attentionNorm, dY: dNormed, dX: dZ)
      try onGradients(starts.attention)
    }
  }

  /// Places 0 of the model's dropout is the embedding sum; each block has the next two.
  private func mask(_ half: Int, _ batch: PackedBatch, _ mode: ForwardMode) -> DropoutMask {
    DropoutMask(
      stream: RandomStream(seed: mode.seed, dropoutPlace: 1 + 2 * index + half, step: mode.step), rowKeys: batch.rowKeys,
      rate: mode.dropout)
  }

  private func copy(_ z: Matrix, _ workspace: Workspace) -> Matrix {
    let kept = workspace.matrix(z.rows, z.columns)
    kept.base.update(from: z.base, count: z.count)
    return kept
  }

  private let index: Int
  private let attentionNorm: LayerNorm
  private let attention: SelfAttention
  private let ffnNorm: LayerNorm
  private let ffn: FeedForward
  /// Where each half's parameters start in the flat buffers.
  private let starts: (attention: Int, ffn: Int)
}
