import CKernels
import Host

/// Mean of an item's token states `[m_i, dt]` into `out` `[dt]`; zero without tokens.
///
/// - Parameter next: what is read soon, fetched into the cache meanwhile.
package func tokenMean(_ states: StoredRows, into out: Vector, fetching next: UnsafeRawBufferPointer? = nil) {
  precondition(out.count == states.columns, "token mean of \(states.shape) into \(out.count)")
  var item = ck_item(states, next)
  ck_token_mean(states.element.code, &item, out.base)
}

/// The gate of one item: the largest `chosen.count` logits, their softmax (`gates`), and the softmax of all K.
package func chooseExperts(
  _ logits: Vector, chosen: UnsafeMutableBufferPointer<Int32>, gates: Vector, probabilities: Vector
) {
  precondition(
    chosen.count == gates.count && chosen.count <= logits.count && probabilities.count == logits.count,
    "\(chosen.count) of \(logits.count) experts")
  ck_gate_top(logits.count, chosen.count, logits.base, chosen.baseAddress, gates.base, probabilities.base)
}

/// dLogits `[K]` from the kept gates' gradients and from the full softmax's gradients (load balance); written.
package func chooseExpertsBackward(
  chosen: RowList, gates: Vector, dGates: Vector, probabilities: Vector, dProbabilities: Vector, dLogits: Vector
) {
  precondition(
    chosen.count == gates.count && gates.count == dGates.count && probabilities.count == dLogits.count
      && dProbabilities.count == dLogits.count, "gate backward of \(dGates.count) gates into \(dLogits.count) logits")
  ck_gate_backward(
    dLogits.count, chosen.count, chosen.baseAddress, gates.base, dGates.base, probabilities.base, dProbabilities.base,
    dLogits.base)
}

/// Backward of the gate's product, logits = input · gateᵀ, with dLogits and input `[items, K]` and `[items, width]`: adds to dGate
/// `[K, width]`, and writes dInput, which may be the input itself; nil when nobody wants it.
///
/// Ours: K is far narrower than a strip of a product, which would spend its time on columns that are not there.
package func gateProductBackward(dLogits: Matrix, input: Matrix, gate: Matrix, dGate: Matrix, dInput: Matrix?) {
  precondition(
    dLogits.isContiguous && input.isContiguous && gate.isContiguous && dGate.isContiguous && dInput?.isContiguous ?? true
      && input.rows == dLogits.rows && gate.rows == dLogits.columns && gate.columns == input.columns && dGate.shape == gate.shape
      && dInput?.shape ?? input.shape == input.shape, "gate backward of \(dLogits.shape) on \(input.shape) by \(gate.shape)")
  ck_gate_product_backward(
    dLogits.rows, dLogits.columns, input.columns, dLogits.base, input.base, gate.base, dGate.base, dInput?.base)
}

/// Attention pooling of an item's tokens by its chosen experts: weights `[k, m_i]` and pooled `[k, dt]` are written.
///
/// - Parameter next: what is read soon, fetched into the cache meanwhile.
package func attentionPool(
  _ states: StoredRows, chosen: RowList, queries: Matrix, weights: Matrix, pooled: Matrix,
  fetching next: UnsafeRawBufferPointer? = nil
) {
  precondition(
    states.columns == queries.columns && pooled.columns == queries.columns && pooled.rows == chosen.count
      && weights.rows == chosen.count && weights.columns == states.rows,
    "pooling \(states.shape) with \(queries.shape) into \(pooled.shape)")
  var item = ck_item(states, next)
  var pooling = ck_pooling(active: chosen.count, chosen: chosen.baseAddress, queries: queries.base, weights: weights.base)
  ck_attention_pool(states.element.code, &item, &pooling, pooled.base)
}

/// What fusion forms of an item before its experts' products; views of memory that somebody else owns.
package struct FusedItem {
  let chosen: UnsafeMutableBufferPointer<Int32>
  let gates, probabilities, logits, mean: Vector
  let weights, pooled: Matrix

  /// Makes the views: the chosen experts and their gates `[k]`, all experts' `probabilities` and `logits` `[K]`, `weights`
  /// `[k, m_i]`, `pooled` `[k, dt]`, the token `mean` `[dt]`.
  package init(
    chosen: UnsafeMutableBufferPointer<Int32>, gates: Vector, probabilities: Vector, logits: Vector, weights: Matrix,
    pooled: Matrix, mean: Vector
  ) {
    (self.chosen, self.gates, self.probabilities, self.logits) = (chosen, gates, probabilities, logits)
    (self.weights, self.pooled, self.mean) = (weights, pooled, mean)
  }
}

/// Token mean, gate and attention pooling of one item, whose states come from memory once.
///
/// - Parameters:
///   - gate: a row an expert, `[K, dt]`.
///   - next: what is read soon, fetched into the cache meanwhile.
package func fuse(
  _ states: StoredRows, gate: Matrix, bias: Vector, queries: Matrix, into item: FusedItem,
  fetching next: UnsafeRawBufferPointer? = nil
) {
  precondition(
    gate.count == queries.count && queries.columns == states.columns && bias.count == gate.rows && gate.isContiguous
      && item.logits.count == gate.rows && item.probabilities.count == gate.rows && item.gates.count == item.chosen.count
      && item.chosen.count <= gate.rows && item.mean.count == states.columns && item.pooled.columns == states.columns
      && item.pooled.rows == item.chosen.count && item.weights.count == item.chosen.count * states.rows,
    "fusing \(states.shape) with a gate of \(gate.shape) and queries of \(queries.shape)")
  var stored = ck_item(states, next)
  var fusion = ck_fusion(
    experts: gate.rows, active: item.chosen.count, gate: gate.base, bias: bias.base, queries: queries.base,
    mean: item.mean.base, logits: item.logits.base, chosen: item.chosen.baseAddress, gates: item.gates.base,
    probabilities: item.probabilities.base, weights: item.weights.base, pooled: item.pooled.base)
  ck_fuse_item(states.element.code, &stored, &fusion)
}

/// What becomes of the gradients of an item's token states, which no memory holds as a whole unless asked for.
package enum StatesGradient {
  /// The states are frozen.
  case unwanted
  /// Written to a matrix `[m_i, dt]`.
  case written(Matrix)
  /// The states are updated at once, in place.
  case applied(RowUpdate)
}

/// What an item's token states get from elsewhere: row t of their gradients starts as `factor · rows[t · stride ...]`.
package struct StatesGradientStart {
  let rows: UnsafePointer<Float>
  let stride: Int
  let factor: Float

  /// Makes a start; a stride of 0 gives every token the same row.
  package init(rows: UnsafePointer<Float>, stride: Int, factor: Float) {
    (self.rows, self.stride, self.factor) = (rows, stride, factor)
  }
}

/// Memory that `attentionPoolBackward` works in, for items of up to `tokens` tokens.
package struct PoolScratch {
  let scores, gradients: UnsafeMutablePointer<Float>

  /// Takes it from a workspace.
  package init(tokens: Int, width: Int, active: Int, workspace: Workspace) {
    scores = workspace.take(Float.self, tokens * active)
    gradients = workspace.take(Float.self, ck_states_gradient_scratch(width))
  }
}

/// The way back through an item's pooling: adds to `dQueries`, and hands on the states' gradients.
///
/// - Parameters:
///   - dPooled: gradients of pooled rows.
///   - indices: which of them are this item's, one an expert.
///   - start: what the states' gradients start from.
///   - next: what is read soon, fetched into the cache meanwhile.
package func attentionPoolBackward(
  _ states: StoredRows, chosen: RowList, queries: Matrix, weights: Matrix, dPooled: Matrix, indices: RowList, dQueries: Matrix,
  start: StatesGradientStart, dStates: StatesGradient, scratch: PoolScratch, fetching next: UnsafeRawBufferPointer? = nil
) {
  precondition(
    indices.count == chosen.count && dPooled.columns == states.columns && dQueries.count == queries.count
      && weights.rows == chosen.count && weights.columns == states.rows,
    "pooling backward of \(dPooled.shape) at \(states.shape)")
  var item = ck_item(states, next)
  var pooling = ck_pooling(active: chosen.count, chosen: chosen.baseAddress, queries: queries.base, weights: weights.base)
  func run(_ gradient: UnsafePointer<ck_states_gradient>?) {
    ck_attention_pool_backward(
      states.element.code, &item, &pooling, indices.baseAddress, dPooled.base, scratch.scores, dQueries.base, gradient)
  }
  var gradient = ck_states_gradient()
  (gradient.gate, gradient.gate_stride, gradient.gate_factor) = (start.rows, start.stride, start.factor)
  gradient.scratch = scratch.gradients
  switch dStates {
  case .unwanted: run(nil)
  case .written(let matrix):
    precondition(matrix.isContiguous && matrix.count == states.count, "gradients of \(states.shape) into \(matrix.shape)")
    gradient.dstates = matrix.base
    run(&gradient)
  case .applied(let update):
    update.check(states)
    withUnsafePointer(to: update.raw) {
      gradient.update = $0
      run(&gradient)
    }
  }
}

extension ck_item {
  /// An item's states, and what is read next.
  fileprivate init(_ states: StoredRows, _ next: UnsafeRawBufferPointer?) {
    self.init(
      tokens: states.rows, width: states.columns, states: states.base, next: next?.baseAddress, next_bytes: next?.count ?? 0)
  }
}
