import Host
package import Tensors

/// One pre-norm block: `z += dropout(MHA(LN(z)))`, `z += dropout(FFN(LN(z)))`; in a gated block each sum goes through a gate.
///
/// docs/model.md, section 2.
///
/// Both passes go through blocks of whole sequences, all layers of a half after one another, so that what lies between two products
/// is written and read in the cache.
package struct TransformerBlock {
  /// Activations kept for backward, in the order of the computation.
  package struct Saved: BitwiseCopyable {
    let attentionInput: Matrix  // z before the block
    let attentionNorm: LayerNorm.Saved
    let attentionNormed: StoredRows
    let attention: SelfAttention.Saved
    let attentionSum: ResidualSum.Saved?
    let ffnInput: Matrix  // z between the two halves
    let ffnNorm: LayerNorm.Saved
    let ffnNormed: StoredRows
    let ffnBefore: StoredRows  // [T, 4d], what gelu is applied to; in a gated block [T, 8d]
    let ffnSum: ResidualSum.Saved?
    /// z after the block.
    package let output: Matrix

    /// The part that belongs to a run of positions.
    fileprivate func rows(_ range: Range<Int>) -> Saved {
      Saved(
        attentionInput: attentionInput.rows(range), attentionNorm: attentionNorm.rows(range),
        attentionNormed: attentionNormed.rows(range), attention: attention.rows(range),
        attentionSum: attentionSum?.rows(range), ffnInput: ffnInput.rows(range), ffnNorm: ffnNorm.rows(range),
        ffnNormed: ffnNormed.rows(range), ffnBefore: ffnBefore.rows(range), ffnSum: ffnSum?.rows(range),
        output: output.rows(range))
    }
  }

  /// The weights of both halves as one pass needs them.
  private struct Factors {
    let attention: SelfAttention.Factors
    let ffn: FeedForward.Factors
    let attentionSum: PackedFactor?
    let ffnSum: PackedFactor?
  }

  /// The same for the newest positions alone, in float32, with a mask that drops nothing.
  private struct NewestFactors {
    let attention: SelfAttention.NewestFactors
    let ffn: FeedForward.Factors
    let attentionSum: PackedFactor?
    let ffnSum: PackedFactor?
    let mask: DropoutMask
  }

  private let index: Int
  private let attentionNorm: LayerNorm
  private let attention: SelfAttention
  private let attentionSum: ResidualSum
  private let ffnNorm: LayerNorm
  private let ffn: FeedForward
  private let ffnSum: ResidualSum
  /// Where the block's parameters stand in the flat buffers.
  private let range: Range<Int>

  /// Declares the parameters of block `index`.
  ///
  /// - Parameters:
  ///   - form: how its halves are added.
  ///   - timeHeads: the heads, where attention has a relative time bias; nil = it has none.
  package static func specs(
    _ index: Int, width: Int, form: BlockForm = .prenorm, timeHeads: Int? = nil
  ) -> [ParameterSpec] {
    let name = "blocks.\(index)"
    return LayerNorm.specs("\(name).attention_norm", width: width)
      + SelfAttention.specs(name, width: width, timeHeads: timeHeads)
      + ResidualSum.specs("\(name).attention_gate", width: width, form)
      + LayerNorm.specs("\(name).ffn_norm", width: width)
      + ResidualSum.specs("\(name).ffn_gate", width: width, form) + FeedForward.specs(name, width: width, form)
  }

  /// Finds the parameters of block `index` in an arena.
  package init(_ index: Int, heads: Int, in arena: ParameterArena) {
    let name = "blocks.\(index)"
    self.index = index
    attentionNorm = LayerNorm("\(name).attention_norm", in: arena)
    attention = SelfAttention(name, heads: heads, in: arena)
    attentionSum = ResidualSum("\(name).attention_gate", in: arena)
    ffnSum = ResidualSum("\(name).ffn_gate", in: arena)
    ffnNorm = LayerNorm("\(name).ffn_norm", in: arena)
    ffn = FeedForward(name, in: arena)
    range = arena["\(name).attention_norm.scale"].offset..<(ffn.down.bias.offset + ffn.down.bias.count)
  }

  /// From z `[T, d]`: writes the block's output, which stays in the workspace with what backward needs.
  package func forward(_ z: Matrix, batch: PackedBatch, mode: ForwardMode, workspace: Workspace) -> Saved {
    let saved = makeSaved(z, output: workspace.matrix(z.rows, z.columns), mode.precision, workspace)
    workspace.scope {
      let factors = factors(mode.precision, workspace)
      batch.forEachBlock { sequences in
        workspace.scope { forward(sequences, saved.rows(sequences.rows), factors, batch, mode, workspace) }
      }
    }
    return saved
  }

  /// The same for inference: the block's output alone stays in the workspace.
  ///
  /// What backward would need is written over by the next block of sequences, so it never leaves the cache.
  func output(_ z: Matrix, batch: PackedBatch, mode: ForwardMode, workspace: Workspace) -> Matrix {
    let output = workspace.matrix(z.rows, z.columns)
    workspace.scope {
      let factors = factors(mode.precision, workspace)
      batch.forEachBlock { sequences in
        workspace.scope {
          let rows = sequences.rows
          let saved = makeSaved(z.rows(rows), output: output.rows(rows), mode.precision, workspace)
          forward(sequences, saved, factors, batch, mode, workspace)
        }
      }
    }
    return output
  }

  private func factors(_ precision: NumberFormat, _ workspace: Workspace) -> Factors {
    Factors(
      attention: attention.factors(precision, workspace: workspace), ffn: ffn.factors(precision, workspace: workspace),
      attentionSum: attentionSum.factor(precision, workspace: workspace),
      ffnSum: ffnSum.factor(precision, workspace: workspace))
  }

  private func makeSaved(_ z: Matrix, output: Matrix, _ precision: NumberFormat, _ workspace: Workspace) -> Saved {
    let (rows, width) = (z.rows, z.columns)
    return Saved(
      attentionInput: z, attentionNorm: LayerNorm.Saved(rows: rows, workspace: workspace),
      attentionNormed: workspace.rows(rows, width, precision),
      attention: attention.makeSaved(positions: rows, width: width, precision, workspace: workspace),
      attentionSum: attentionSum.makeSaved(positions: rows, width: width, precision, workspace: workspace),
      ffnInput: workspace.matrix(rows, width), ffnNorm: LayerNorm.Saved(rows: rows, workspace: workspace),
      ffnNormed: workspace.rows(rows, width, precision), ffnBefore: workspace.rows(rows, ffn.hidden, precision),
      ffnSum: ffnSum.makeSaved(positions: rows, width: width, precision, workspace: workspace),
      output: output)
  }

  private func forward(
    _ sequences: PackedBatch.Sequences, _ saved: Saved, _ factors: Factors, _ batch: PackedBatch, _ mode: ForwardMode,
    _ workspace: Workspace
  ) {
    let result = workspace.matrix(saved.output.rows, saved.output.columns)
    attentionNorm.forward(saved.attentionInput, into: saved.attentionNormed, saved: saved.attentionNorm)
    attention.forward(
      saved.attentionNormed, sequences: sequences, causal: mode.causal, factors.attention, saved: saved.attention, into: result,
      workspace: workspace)
    attentionSum.forward(
      saved.attentionInput, result, bias: attention.out.bias.vector, mask: mask(0, batch, mode).rows(sequences.rows),
      factors.attentionSum, saved: saved.attentionSum, into: saved.ffnInput, workspace: workspace)

    ffnNorm.forward(saved.ffnInput, into: saved.ffnNormed, saved: saved.ffnNorm)
    ffn.forward(saved.ffnNormed, factors.ffn, before: saved.ffnBefore, into: result, workspace: workspace)
    ffnSum.forward(
      saved.ffnInput, result, bias: ffn.down.bias.vector, mask: mask(1, batch, mode).rows(sequences.rows), factors.ffnSum,
      saved: saved.ffnSum, into: saved.output, workspace: workspace)
  }

  /// The block's output at each sequence's newest position, `[B, d]`, without dropout and in float32; all that inference needs of
  /// the last block.
  ///
  /// A sequence without positions gets numbers without meaning.
  func forwardNewest(_ z: Matrix, batch: PackedBatch, workspace: Workspace) -> Matrix {
    let output = workspace.zeros(batch.users, z.columns)
    workspace.scope {
      let factors = NewestFactors(
        attention: attention.newestFactors(workspace: workspace), ffn: ffn.factors(.fp32, workspace: workspace),
        attentionSum: attentionSum.factor(.fp32, workspace: workspace), ffnSum: ffnSum.factor(.fp32, workspace: workspace),
        mask: mask(0, batch, .inference(causal: true)))
      batch.forEachBlock { sequences in
        workspace.scope {
          let newest = workspace.zeros(sequences.count, z.columns)
          gatherNewest(z.rows(sequences.rows), sequences, into: newest)
          attendNewest(z.rows(sequences.rows), sequences, factors, to: newest, workspace)
          feedForward(newest, factors, into: output.rows(sequences.users), workspace)
        }
      }
    }
    return output
  }

  /// The first half: adds to the newest positions' z.
  private func attendNewest(
    _ z: Matrix, _ sequences: PackedBatch.Sequences, _ factors: NewestFactors, to newest: Matrix, _ workspace: Workspace
  ) {
    let (normed, newestNormed) = (workspace.matrix(z.rows, z.columns), workspace.zeros(newest.rows, z.columns))
    attentionNorm.forward(z, into: StoredRows(normed), saved: .init(rows: z.rows, workspace: workspace))
    gatherNewest(normed, sequences, into: newestNormed)
    let result = workspace.matrix(newest.rows, z.columns)
    attention.forwardNewest(
      normed, newest: newestNormed, sequences: sequences, factors.attention, into: result, workspace: workspace)
    attentionSum.forward(
      newest, result, bias: attention.out.bias.vector, mask: factors.mask, factors.attentionSum,
      saved: attentionSum.makeSaved(positions: newest.rows, width: z.columns, .fp32, workspace: workspace), into: newest,
      workspace: workspace)
  }

  /// The second half.
  private func feedForward(_ z: Matrix, _ factors: NewestFactors, into output: Matrix, _ workspace: Workspace) {
    let normed = workspace.rows(z.rows, z.columns, .fp32)
    ffnNorm.forward(z, into: normed, saved: .init(rows: z.rows, workspace: workspace))
    let result = workspace.matrix(z.rows, z.columns)
    ffn.forward(
      normed, factors.ffn, before: workspace.rows(z.rows, ffn.hidden, .fp32), into: result, workspace: workspace)
    ffnSum.forward(
      z, result, bias: ffn.down.bias.vector, mask: factors.mask, factors.ffnSum,
      saved: ffnSum.makeSaved(positions: z.rows, width: z.columns, .fp32, workspace: workspace), into: output,
      workspace: workspace)
  }

  private func gatherNewest(_ rows: Matrix, _ sequences: PackedBatch.Sequences, into newest: Matrix) {
    for (user, positions) in sequences.enumerated() where !positions.isEmpty {
      newest.row(user).update(from: rows.row(positions.upperBound - 1), count: rows.columns)
    }
  }

  /// dZ `[T, d]`, the gradient of the block's output, becomes that of its input; parameters' gradients are added to.
  ///
  /// - Parameter context: its observer hears between blocks of sequences and at the end.
  package func backward(_ dZ: Matrix, saved: Saved, batch: PackedBatch, context: StepContext) throws {
    let (workspace, mode) = (context.workspace, context.mode)
    try workspace.scope {
      let factors = Factors(
        attention: attention.transposedFactors(mode.precision, workspace: workspace),
        ffn: ffn.transposedFactors(mode.precision, workspace: workspace),
        attentionSum: attentionSum.transposedFactor(mode.precision, workspace: workspace),
        ffnSum: ffnSum.transposedFactor(mode.precision, workspace: workspace))
      try batch.forEachBlock { sequences in
        workspace.scope {
          backward(dZ.rows(sequences.rows), sequences, saved.rows(sequences.rows), factors, batch, mode, workspace)
        }
        try context.complete(from: range.upperBound)
      }
      try context.complete(from: range.lowerBound)
    }
  }

  private func backward(
    _ dZ: Matrix, _ sequences: PackedBatch.Sequences, _ saved: Saved, _ factors: Factors, _ batch: PackedBatch,
    _ mode: ForwardMode, _ workspace: Workspace
  ) {
    let dResult = workspace.rows(dZ.rows, dZ.columns, mode.precision)
    let dNormed = workspace.matrix(dZ.rows, dZ.columns)
    ffnSum.backward(
      z: saved.ffnInput, saved: saved.ffnSum, mask: mask(1, batch, mode).rows(sequences.rows), factors.ffnSum, dZ: dZ,
      dX: dResult, workspace: workspace)
    ffn.backward(
      x: saved.ffnNormed, before: saved.ffnBefore, dY: dResult, factors.ffn, dX: dNormed, workspace: workspace)
    ffnNorm.backward(x: saved.ffnInput, saved: saved.ffnNorm, dY: dNormed, dX: dZ)

    attentionSum.backward(
      z: saved.attentionInput, saved: saved.attentionSum, mask: mask(0, batch, mode).rows(sequences.rows),
      factors.attentionSum, dZ: dZ, dX: dResult, workspace: workspace)
    attention.backward(
      x: saved.attentionNormed, saved: saved.attention, sequences: sequences, causal: mode.causal, dY: dResult,
      factors.attention, dX: dNormed, workspace: workspace)
    attentionNorm.backward(x: saved.attentionInput, saved: saved.attentionNorm, dY: dNormed, dX: dZ)
  }

  /// Site 0 of the model's dropout is the embedding sum; each block has the next two.
  private func mask(_ half: Int, _ batch: PackedBatch, _ mode: ForwardMode) -> DropoutMask {
    DropoutMask(
      stream: RandomStream(seed: mode.seed, dropoutSite: 1 + 2 * index + half, step: mode.step), rowKeys: batch.rowKeys,
      rate: mode.dropout)
  }
}
