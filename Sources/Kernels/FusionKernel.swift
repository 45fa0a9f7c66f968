import CKernels
public import Tensors

/// Mean of an item's token states `[m_i, dₜ]` into `out` `[dₜ]`; zero without tokens.
public func tokenMean(_ states: StoredRows, into out: Vector) {
  precondition(out.count == states.columns, "token mean of \(states.shape) into \(out.count)")
  ck_token_mean(states.rows, states.columns, states.isHalf, states.base, out.base)
}

/// The gate of one item: the largest `chosen.count` logits, their softmax (`gates`), and the softmax of all K.
public func chooseExperts(
  _ logits: Vector, chosen: UnsafeMutableBufferPointer<Int32>, gates: Vector, probabilities: Vector
) {
  precondition(
    chosen.count == gates.count && chosen.count <= logits.count && probabilities.count == logits.count,
    "\(chosen.count) of \(logits.count) experts")
  ck_gate_top(logits.count, chosen.count, logits.base, chosen.baseAddress, gates.base, probabilities.base)
}

/// dLogits `[K]` from the kept gates' gradients and from the full softmax's gradients (load balance); written.
public func chooseExpertsBackward(
  chosen: RowList, gates: Vector, dGates: Vector, probabilities: Vector, dProbabilities: Vector, dLogits: Vector
) {
  precondition(
    chosen.count == gates.count && gates.count == dGates.count && probabilities.count == dLogits.count
      && dProbabilities.count == dLogits.count, "gate backward of \(dGates.count) gates into \(dLogits.count) logits")
  ck_gate_backward(
    dLogits.count, chosen.count, chosen.baseAddress, gates.base, dGates.base, probabilities.base, dProbabilities.base,
    dLogits.base)
}

/// Attention pooling of an item's tokens by its chosen experts: weights `[k, m_i]` and pooled `[k, dₜ]` are written.
public func attentionPool(_ states: StoredRows, chosen: RowList, queries: Matrix, weights: Matrix, pooled: Matrix) {
  precondition(
    states.columns == queries.columns && pooled.columns == queries.columns && pooled.rows == chosen.count
      && weights.rows == chosen.count && weights.columns == states.rows,
    "pooling \(states.shape) with \(queries.shape) into \(pooled.shape)")
  ck_attention_pool(
    states.rows, states.columns, chosen.count, chosen.baseAddress, queries.base, states.isHalf, states.base, weights.base,
    pooled.base)
}

/// Adds to `dStates` (unless nil: frozen tokens) and to `dQueries` from `dPooled`.
public func attentionPoolBackward(
  _ states: StoredRows, chosen: RowList, queries: Matrix, weights: Matrix, dPooled: Matrix, dStates: Matrix?, dQueries: Matrix
) {
  precondition(
    dPooled.rows == chosen.count && dPooled.columns == states.columns && dQueries.count == queries.count
      && (dStates?.count ?? states.count) == states.count,
    "pooling backward of \(dPooled.shape) at \(states.shape)")
  ck_attention_pool_backward(
    states.rows, states.columns, chosen.count, chosen.baseAddress, queries.base, states.isHalf, states.base, weights.base,
    dPooled.base, dStates?.base, dQueries.base)
}

extension StoredRows {
  /// Whether elements are bfloat16, as the kernels ask.
  fileprivate var isHalf: Int32 { element == .bf16 ? 1 : 0 }
}
