import CKernels
public import Tensors

/// Where a dropout mask comes from: a stream, and a key for each row of the packed batch.
///
/// The mask of an element is a pure function of (seed, place in the model, step, row key, column), so backward draws it
/// again instead of keeping it. A rate of 0 makes it a plain addition (evaluation).
public struct DropoutMask {
  /// Makes the mask source of one place in the model.
  public init(stream: RandomStream, rowKeys: UnsafePointer<UInt64>, rate: Float) {
    precondition(rate >= 0 && rate < 1, "a dropout rate of \(rate)")
    self.stream = stream
    self.rowKeys = rowKeys
    self.rate = rate
  }

  /// `z += mask · (x + bias) / (1 − rate)`.
  public func add(_ x: Matrix, bias: Vector?, to z: Matrix) {
    precondition(
      x.count == z.count && x.isContiguous && z.isContiguous && (bias?.count ?? x.columns) == x.columns,
      "dropout of \(x.shape) onto \(z.shape)")
    ck_dropout_add(stream.raw, rowKeys, rate, x.rows, x.columns, x.base, bias?.base, z.base)
  }

  /// `dX = mask · dZ / (1 − rate)`.
  public func backward(_ dZ: Matrix, into dX: Matrix) {
    precondition(dX.count == dZ.count && dX.isContiguous && dZ.isContiguous, "dropout backward of \(dZ.shape) into \(dX.shape)")
    ck_dropout_backward(stream.raw, rowKeys, rate, dZ.rows, dZ.columns, dZ.base, dX.base)
  }

  private let stream: RandomStream
  private let rowKeys: UnsafePointer<UInt64>
  private let rate: Float
}
