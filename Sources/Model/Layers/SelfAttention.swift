import Host
import Tensors

/// Multi-head self-attention over each sequence of a packed batch, blockwise: no `[n, n]` matrix.
///
/// Vaswani and others 2017.
///
/// The output bias and the dropout are left to the block, which adds them with the residual in one pass. Works on blocks of whole
/// sequences.
struct SelfAttention {
  /// The weights as one pass needs them.
  struct Factors {
    let qkv: PackedFactor
    let out: PackedFactor
  }

  /// The weights for `forwardNewest`.
  struct NewestFactors {
    let query: PackedFactor
    let keysValues: PackedFactor
    let out: PackedFactor
  }

  /// Activations kept for backward.
  package struct Saved: BitwiseCopyable {
    let qkv: StoredRows  // [T, 3d]
    let mixed: StoredRows  // [T, d], heads concatenated, before the output projection
    let logSums: Vector  // [H · T], sequence by sequence

    /// The part that belongs to a run of positions.
    func rows(_ range: Range<Int>) -> Saved {
      let heads = qkv.rows == 0 ? 0 : logSums.count / qkv.rows
      return Saved(
        qkv: qkv.rows(range), mixed: mixed.rows(range),
        logSums: logSums[(heads * range.lowerBound)..<(heads * range.upperBound)])
    }
  }

  /// The number of heads.
  package let heads: Int
  /// q | k | v, `[d, 3d]`.
  package let qkv: Linear
  /// The output projection `[d, d]`.
  package let out: Linear

  /// The relative time bias of the scores; nil = none.
  package let time: TimeBias?

  /// Declares the parameters under the block's name.
  ///
  /// - Parameter timeHeads: the heads, where scores have a relative time bias; nil = they have none.
  package static func specs(_ name: String, width: Int, timeHeads: Int? = nil) -> [ParameterSpec] {
    Linear.specs("\(name).qkv", inputs: width, outputs: 3 * width) + Linear.specs("\(name).out", inputs: width, outputs: width)
      + (timeHeads.map { TimeBias.specs(name, heads: $0) } ?? [])
  }

  /// Finds the parameters in an arena.
  init(_ name: String, heads: Int, in arena: ParameterArena) {
    self.heads = heads
    qkv = Linear("\(name).qkv", in: arena)
    out = Linear("\(name).out", in: arena)
    time = TimeBias(name, in: arena)
  }

  /// Packs the weights for `forward`.
  package func factors(_ precision: NumberFormat, workspace: Workspace) -> Factors {
    Factors(qkv: qkv.factor(precision, workspace: workspace), out: out.factor(precision, workspace: workspace))
  }

  /// Packs the weights for `backward`.
  func transposedFactors(_ precision: NumberFormat, workspace: Workspace) -> Factors {
    Factors(
      qkv: qkv.transposedFactor(precision, workspace: workspace), out: out.transposedFactor(precision, workspace: workspace))
  }

  /// Packs the weights for `forwardNewest`.
  func newestFactors(workspace: Workspace) -> NewestFactors {
    let width = out.weight.value.rows
    return NewestFactors(
      query: PackedFactor(qkv.weight.value.columns(0..<width), workspace: workspace),
      keysValues: PackedFactor(qkv.weight.value.columns(width..<(3 * width)), workspace: workspace),
      out: out.factor(.fp32, workspace: workspace))
  }

  /// Takes room for what backward needs of `positions` positions.
  func makeSaved(positions: Int, width: Int, _ precision: NumberFormat, workspace: Workspace) -> Saved {
    Saved(
      qkv: workspace.rows(positions, 3 * width, precision), mixed: workspace.rows(positions, width, precision),
      logSums: workspace.vector(heads * positions))
  }

  /// Writes the projected result (without its bias) of x `[rows, d]`, whole sequences, into y `[rows, d]`.
  ///
  /// - Parameter saved: what backward needs of these rows; written.
  package func forward(
    _ x: StoredRows, sequences: PackedBatch.Sequences, causal: Bool, _ factors: Factors, saved: Saved, into y: Matrix,
    workspace: Workspace
  ) {
    workspace.scope {
      let product = workspace.matrix(x.rows, 3 * x.columns)
      multiply(x, factors.qkv, into: product)
      addBias(qkv.bias.vector, to: product, into: saved.qkv)
      let scratch = workspace.vector(
        attentionScratch(
          length: sequences.longest, headWidth: x.columns / heads, precision: factors.qkv.precision))
      for rows in sequences {
        let part = saved.rows(rows)
        attention(
          part.qkv, heads: heads, causal: causal, time: bias(sequences, rows), into: part.mixed, logSum: part.logSums,
          scratch: scratch)
      }
      multiply(saved.mixed, factors.out, into: y)
    }
  }

  /// Writes the projected result (without its bias) of each sequence's newest position into y `[sequences, d]`, in float32.
  ///
  /// For inference from the newest position alone: of the others only keys and values are formed. A sequence without positions gets
  /// zeros.
  ///
  /// - Parameters:
  ///   - x: `[rows, d]`, whole sequences.
  ///   - newest: x of the newest positions `[sequences, d]`.
  func forwardNewest(
    _ x: Matrix, newest: Matrix, sequences: PackedBatch.Sequences, _ factors: NewestFactors, into y: Matrix, workspace: Workspace
  ) {
    let width = x.columns
    workspace.scope {
      let keysValues = workspace.matrix(x.rows, 2 * width)
      multiply(x, factors.keysValues, into: keysValues)
      addBias(qkv.bias.vector[width..<(3 * width)], to: keysValues)
      let queries = workspace.matrix(newest.rows, width)
      multiply(newest, factors.query, into: queries)
      addBias(qkv.bias.vector[0..<width], to: queries)
      let mixed = workspace.zeros(newest.rows, width)
      let scratch = workspace.vector(2 * sequences.longest)
      for (index, rows) in sequences.enumerated() where !rows.isEmpty {
        attentionOfNewest(
          Vector(queries.row(index), count: width), keysValues.rows(rows), heads: heads,
          time: bias(sequences, rows, ofNewest: true), into: Vector(mixed.row(index), count: width), scratch: scratch)
      }
      multiply(mixed, factors.out, into: y)
    }
  }

  /// From dY `[rows, d]` of whole sequences: adds to the parameters' gradients, writes dX `[rows, d]`.
  ///
  /// - Parameter factors: the transposed ones.
  package func backward(
    x: StoredRows, saved: Saved, sequences: PackedBatch.Sequences, causal: Bool, dY: StoredRows, _ factors: Factors, dX: Matrix,
    workspace: Workspace
  ) {
    workspace.scope {
      let dMixed = workspace.matrix(x.rows, x.columns)
      let dQKV = workspace.rows(x.rows, 3 * x.columns, factors.qkv.precision)
      multiply(dY, factors.out, into: dMixed)
      out.addGradients(x: saved.mixed, dY: dY, workspace: workspace)
      let scratch = workspace.vector(
        attentionScratch(
          length: sequences.longest, headWidth: x.columns / heads, precision: factors.qkv.precision))
      for rows in sequences {
        let part = saved.rows(rows)
        attentionBackward(
          part.qkv, heads: heads, causal: causal, time: bias(sequences, rows), out: part.mixed, logSum: part.logSums,
          dOut: dMixed.rows(rows), dQKV: dQKV.rows(rows), scratch: scratch)
      }
      qkv.addGradients(x: x, dY: dQKV, workspace: workspace)
      multiply(dQKV, factors.qkv, into: dX)
    }
  }

  /// The time bias of the sequence at `rows`, counted from the start of `sequences`; nil when there is none.
  private func bias(_ sequences: PackedBatch.Sequences, _ rows: Range<Int>, ofNewest: Bool = false) -> TimeBiasRows? {
    guard let time, !rows.isEmpty else { return nil }
    guard let ages = sequences.batch.ages else { preconditionFailure("attention with a time bias over a batch without ages") }
    let first = sequences.rows.lowerBound
    let inBatch = (first + rows.lowerBound)..<(first + rows.upperBound)
    return ofNewest ? time.newest(inBatch, of: ages) : time.rows(inBatch, of: ages)
  }
}
