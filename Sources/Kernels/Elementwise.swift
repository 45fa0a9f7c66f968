import CKernels
public import Tensors

/// `y += x`.
public func add(_ x: Matrix, to y: Matrix) {
  precondition(x.rows == y.rows && x.columns == y.columns, "adding \(x.shape) to \(y.shape)")
  guard !(x.isContiguous && y.isContiguous) else { return ck_add(x.count, x.base, y.base) }
  for row in 0..<x.rows { ck_add(x.columns, x.row(row), y.row(row)) }
}

/// `x *= factor`.
public func scale(_ x: Vector, by factor: Float) { ck_scale(x.count, factor, x.base) }

/// Σ x².
public func sumOfSquares(_ x: Vector) -> Double { ck_sum_of_squares(x.count, x.base) }

/// Whether no element is NaN or infinite.
public func isFinite(_ x: Vector) -> Bool { ck_all_finite(x.count, x.base) == 1 }

/// `y[r, :] += bias`.
public func addBias(_ bias: Vector, to y: Matrix) {
  precondition(bias.count == y.columns && y.isContiguous, "a bias of \(bias.count) on \(y.shape)")
  ck_add_bias(y.rows, y.columns, bias.base, y.base)
}

/// `dBias += Σ_r dY[r, :]`.
public func addColumnSums(_ dY: Matrix, to dBias: Vector) {
  precondition(dBias.count == dY.columns && dY.isContiguous, "column sums of \(dY.shape) into \(dBias.count)")
  ck_bias_gradient(dY.rows, dY.columns, dY.base, dBias.base)
}

/// `before += bias` (kept for backward), `after = gelu(before)`: the exact erf form.
public func addBiasAndGelu(_ bias: Vector, before: Matrix, after: Matrix) {
  precondition(
    bias.count == before.columns && before.count == after.count && before.isContiguous && after.isContiguous,
    "gelu of \(before.shape) into \(after.shape) with a bias of \(bias.count)")
  ck_bias_gelu(before.rows, before.columns, bias.base, before.base, after.base)
}

/// `dBefore = dAfter · gelu′(before)`; the two gradients may be the same matrix.
public func geluBackward(before: Matrix, dAfter: Matrix, dBefore: Matrix) {
  precondition(
    before.count == dAfter.count && before.count == dBefore.count && before.isContiguous && dAfter.isContiguous,
    "gelu backward of \(dAfter.shape) at \(before.shape)")
  ck_gelu_backward(before.count, before.base, dAfter.base, dBefore.base)
}
