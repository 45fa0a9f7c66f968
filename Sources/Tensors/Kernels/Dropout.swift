import CKernels
import Host

/// Where a dropout mask comes from: a stream, and a key for each row of the packed batch.
///
/// The mask of an element is a pure function of (seed, place in the model, step, row key, column), so backward draws it
/// again instead of keeping it. A rate of 0 makes it a plain addition (evaluation).
package struct DropoutMask {
  private let stream: RandomStream
  private let rowKeys: UnsafePointer<UInt64>
  private let rate: Float

  /// Makes the mask source of one place in the model.
  package init(stream: RandomStream, rowKeys: UnsafePointer<UInt64>, rate: Float) {
    precondition(rate >= 0 && rate < 1, "a dropout rate of \(rate)")
    self.stream = stream
    self.rowKeys = rowKeys
    self.rate = rate
  }

  /// The mask of a run of the rows.
  package func rows(_ range: Range<Int>) -> DropoutMask {
    DropoutMask(stream: stream, rowKeys: rowKeys + range.lowerBound, rate: rate)
  }

  /// `out = z + mask · (x + bias) / (1 − rate)`; nil counts as zeros, and out may be x or z.
  package func add(_ x: Matrix, bias: Vector? = nil, to z: Matrix? = nil, into out: Matrix) {
    precondition(
      x.count == out.count && (z?.count ?? x.count) == x.count && x.isContiguous && out.isContiguous && z?.isContiguous ?? true
        && (bias?.count ?? x.columns) == x.columns,
      "dropout of \(x.shape) onto \(z?.shape ?? "nothing") into \(out.shape)")
    var dropout = raw(x.rows, x.columns)
    ck_dropout_add(&dropout, x.base, bias?.base, z?.base, out.base)
  }

  /// `dX = mask · dZ / (1 − rate)`, as dX is stored.
  package func backward(_ dZ: Matrix, into dX: StoredRows) {
    precondition(dX.count == dZ.count && dZ.isContiguous, "dropout backward of \(dZ.shape) into \(dX.shape)")
    var dropout = raw(dZ.rows, dZ.columns)
    ck_dropout_backward(&dropout, dZ.base, dX.bf16Flag, dX.base)
  }

  /// `out = z + σ(logits) · mask · (x + bias) / (1 − rate)`, where everything behind σ is kept in `result` for backward.
  ///
  /// Logits and result are stored alike; out may be z.
  package func addGated(
    _ x: Matrix, bias: Vector, by logits: StoredRows, keeping result: StoredRows, to z: Matrix, into out: Matrix
  ) {
    precondition(
      x.count == out.count && z.count == x.count && logits.count == x.count && result.count == x.count
        && logits.element == result.element && bias.count == x.columns && x.isContiguous && z.isContiguous && out.isContiguous,
      "a gate of \(logits.shape) on \(x.shape) onto \(z.shape) into \(out.shape)")
    var dropout = raw(x.rows, x.columns)
    ck_gated_add(&dropout, x.base, bias.base, z.base, logits.bf16Flag, logits.base, result.base, out.base)
  }

  /// The gradients of x and of the logits from that of `addGated`'s out.
  package func gatedBackward(_ dOut: Matrix, by logits: StoredRows, result: StoredRows, dX: StoredRows, dLogits: StoredRows) {
    func isAlike(_ rows: StoredRows) -> Bool { rows.count == dOut.count && rows.element == logits.element }
    precondition(
      isAlike(logits) && isAlike(result) && isAlike(dX) && isAlike(dLogits) && dOut.isContiguous,
      "gate backward of \(dOut.shape) at \(logits.shape)")
    var dropout = raw(dOut.rows, dOut.columns)
    ck_gated_backward(&dropout, dOut.base, logits.bf16Flag, logits.base, result.base, dX.base, dLogits.base)
  }

  /// The masks of `[rows, columns]` as the kernels take them.
  private func raw(_ rows: Int, _ columns: Int) -> ck_dropout {
    ck_dropout(stream: stream.raw, row_keys: rowKeys, rate: rate, rows: rows, columns: columns)
  }
}
