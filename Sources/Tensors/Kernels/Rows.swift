import CKernels
import Host

/// `out[i, :] = table[rows[i], :]`.
package func gather(_ rows: RowList, from table: Matrix, into out: Matrix) {
  precondition(out.rows == rows.count && out.columns == table.columns, "\(rows.count) rows of \(table.shape) into \(out.shape)")
  guard let list = rows.baseAddress else { return }
  ck_gather_rows(rows.count, table.columns, list, table.base, table.stride, 0, out.base, out.stride)
}

/// The same into rows as products read them: float32, or rounded to the nearest bfloat16.
package func gather(_ rows: RowList, from table: Matrix, into out: StoredRows) {
  precondition(
    out.rows == rows.count && out.columns == table.columns && out.element != .fp16,
    "\(rows.count) rows of \(table.shape) into \(out.shape) of \(out.element)")
  guard let list = rows.baseAddress else { return }
  ck_gather_rows(rows.count, table.columns, list, table.base, table.stride, out.bf16Flag, out.base, out.columns)
}

/// `table[rows[i], :] += values[i, :]`, in the order of the list.
package func scatterAdd(_ values: Matrix, to rows: RowList, of table: Matrix) {
  precondition(
    values.rows == rows.count && values.columns == table.columns, "\(values.shape) onto \(rows.count) rows of \(table.shape)")
  guard let list = rows.baseAddress else { return }
  ck_scatter_add_rows(rows.count, table.columns, list, values.base, values.stride, table.base, table.stride)
}

/// `table[rows[i], :] += factors[i] · values[i, :]`, in the order of the list.
package func scatterAdd(_ values: Matrix, scaledBy factors: Vector, to rows: RowList, of table: Matrix) {
  precondition(
    values.rows == rows.count && factors.count == rows.count && values.columns == table.columns,
    "\(values.shape) scaled onto \(rows.count) rows of \(table.shape)")
  guard let list = rows.baseAddress else { return }
  ck_scatter_add_scaled_rows(
    rows.count, table.columns, list, factors.base, values.base, values.stride, table.base, table.stride)
}

/// `out[r] = factor · x[r, :] · y[r, :]`.
package func rowDots(_ x: Matrix, _ y: Matrix, factor: Float = 1, into out: Vector) {
  precondition(x.rows == y.rows && x.columns == y.columns && out.count == x.rows, "row dots of \(x.shape) and \(y.shape)")
  ck_row_dots(x.rows, x.columns, factor, x.base, x.stride, y.base, y.stride, out.base)
}

/// `y[r, :] += factors[r] · x[r, :]`.
package func addScaledRows(_ x: Matrix, factors: Vector, to y: Matrix) {
  precondition(
    x.rows == y.rows && x.columns == y.columns && factors.count == x.rows, "adding scaled rows of \(x.shape) to \(y.shape)")
  ck_add_scaled_rows(x.rows, x.columns, factors.base, x.base, x.stride, y.base, y.stride)
}

/// out[i] = factors[i] · x[i], rounded as out is stored.
package func scaleRows(_ x: Matrix, factors: Vector, into out: StoredRows) {
  precondition(
    x.rows == out.rows && x.columns == out.columns && factors.count == x.rows, "scaling rows of \(x.shape) into \(out.rows) rows")
  ck_scale_rows(x.rows, x.columns, factors.base, x.base, x.stride, out.bf16Flag, out.base)
}

/// Whether a list holds a row: in vectors, for lists that are asked often.
package func holds(_ rows: RowList, _ row: Int32) -> Bool {
  guard let first = rows.baseAddress else { return false }
  return ck_holds(rows.count, first, row) == 1
}
