import CKernels

/// `y = (x − mean) / deviation · scale + bias` over each row; mean and 1/deviation are written for backward.
package func layerNorm(
  _ x: Matrix, scale: Vector, bias: Vector, epsilon: Float, into y: StoredRows, mean: Vector, inverseDeviation: Vector
) {
  precondition(
    x.columns == scale.count && x.columns == bias.count && x.count == y.count && mean.count == x.rows
      && inverseDeviation.count == x.rows && x.isContiguous,
    "layer norm of \(x.shape) with \(scale.count) scales into \(y.shape)")
  var norm = ck_norm(
    rows: x.rows, columns: x.columns, x: x.base, scale: scale.base, mean: mean.base, inverse_deviation: inverseDeviation.base)
  ck_layer_norm(&norm, epsilon, bias.base, y.bf16Flag, y.base)
}

/// Adds to `dX`, `dScale` and `dBias` from `dY`.
package func layerNormBackward(
  _ x: Matrix, scale: Vector, mean: Vector, inverseDeviation: Vector, dY: Matrix, dX: Matrix, dScale: Vector, dBias: Vector
) {
  precondition(
    x.count == dY.count && x.count == dX.count && x.isContiguous && dY.isContiguous && dX.isContiguous
      && dScale.count == x.columns && dBias.count == x.columns && mean.count >= x.rows,
    "layer norm backward of \(dY.shape) at \(x.shape)")
  var norm = ck_norm(
    rows: x.rows, columns: x.columns, x: x.base, scale: scale.base, mean: mean.base, inverse_deviation: inverseDeviation.base)
  ck_layer_norm_backward(&norm, dY.base, dX.base, dScale.base, dBias.base)
}
