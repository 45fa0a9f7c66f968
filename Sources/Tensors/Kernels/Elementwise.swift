import CKernels
import Host

/// `y += x`.
package func add(_ x: Matrix, to y: Matrix) {
  precondition(x.rows == y.rows && x.columns == y.columns, "adding \(x.shape) to \(y.shape)")
  guard !(x.isContiguous && y.isContiguous) else { return ck_add(x.count, x.base, y.base) }
  for row in 0..<x.rows { ck_add(x.columns, x.row(row), y.row(row)) }
}

/// `x *= factor`.
package func scale(_ x: Vector, by factor: Float) { ck_scale(x.count, factor, x.base) }

/// Σ x².
package func sumOfSquares(_ x: Vector) -> Double { ck_sum_of_squares(x.count, x.base) }

/// Whether every element is a number of at most `bound` in magnitude: no NaN, no infinity.
package func isWithin(_ bound: Float, _ x: Vector) -> Bool { ck_all_within(x.count, x.base, bound) == 1 }

/// `y[r, :] += bias`.
package func addBias(_ bias: Vector, to y: Matrix) { addBias(bias, to: y, into: StoredRows(y)) }

/// `y[r, :] = x[r, :] + bias`, as y is stored; the two may be the same memory.
package func addBias(_ bias: Vector, to x: Matrix, into y: StoredRows) {
  precondition(
    bias.count == x.columns && x.isContiguous && y.rows == x.rows && y.columns == x.columns,
    "a bias of \(bias.count) on \(x.shape) into \(y.shape)")
  ck_add_bias(x.rows, x.columns, bias.base, x.base, y.bf16Flag, y.base)
}

/// `dBias += Σ_r dY[r, :]`.
package func addColumnSums(_ dY: Matrix, to dBias: Vector) { addColumnSums(StoredRows(dY), to: dBias) }

/// `dBias += Σ_r dY[r, :]`.
package func addColumnSums(_ dY: StoredRows, to dBias: Vector) {
  precondition(dBias.count == dY.columns, "column sums of \(dY.shape) into \(dBias.count)")
  ck_bias_gradient(dY.rows, dY.columns, dY.bf16Flag, dY.base, dBias.base)
}

/// `before = x + bias` as it is stored (kept for backward), `after = gelu(before)`: the exact erf form.
///
/// x and `before` may be the same memory.
package func addBiasAndGelu(_ bias: Vector, to x: Matrix, before: StoredRows, after: StoredRows) {
  precondition(
    bias.count == x.columns && x.isContiguous && before.columns == x.columns && before.rows == x.rows && after.count == x.count
      && before.element == after.element,
    "gelu of \(x.shape) into \(before.shape) and \(after.shape) with a bias of \(bias.count)")
  ck_bias_gelu(x.rows, x.columns, bias.base, x.base, before.bf16Flag, before.base, after.base)
}

/// `dBefore = dAfter · gelu′(before)`, and `after = gelu(before)` once more, so that nobody needs to keep it.
///
/// The two gradients may be the same memory.
package func geluBackward(before: StoredRows, dAfter: Matrix, after: StoredRows, dBefore: StoredRows) {
  precondition(
    before.count == dAfter.count && before.count == dBefore.count && before.count == after.count && dAfter.isContiguous
      && before.element == after.element && before.element == dBefore.element,
    "gelu backward of \(dAfter.shape) at \(before.shape)")
  ck_gelu_backward(before.count, before.bf16Flag, before.base, dAfter.base, after.base, dBefore.base)
}

/// `before = x + bias` as it is stored (kept for backward), `after = swish(left half) · right half` of its columns: the gated linear
/// unit SwiGLU (Shazeer 2020, arXiv 2002.05202).
///
/// x and before are `[rows, 2 width]`, after is `[rows, width]`.
package func addBiasAndSwiGLU(_ bias: Vector, to x: Matrix, before: StoredRows, after: StoredRows) {
  precondition(
    bias.count == x.columns && x.isContiguous && before.columns == x.columns && before.rows == x.rows
      && x.columns == 2 * after.columns && after.rows == x.rows && before.element == after.element,
    "a gated unit of \(x.shape) into \(before.shape) and \(after.shape) with a bias of \(bias.count)")
  ck_bias_swiglu(x.rows, after.columns, bias.base, x.base, before.bf16Flag, before.base, after.base)
}

/// `dBefore` `[rows, 2 width]` from `dAfter` `[rows, width]`, and `after` once more, so that nobody needs to keep it.
package func swiGLUBackward(before: StoredRows, dAfter: Matrix, after: StoredRows, dBefore: StoredRows) {
  precondition(
    before.count == 2 * dAfter.count && before.count == dBefore.count && after.count == dAfter.count && dAfter.isContiguous
      && before.element == after.element && before.element == dBefore.element,
    "gated unit backward of \(dAfter.shape) at \(before.shape)")
  ck_swiglu_backward(dAfter.rows, dAfter.columns, before.bf16Flag, before.base, dAfter.base, after.base, dBefore.base)
}
