/// What the factors of a training step's products are rounded to; sums are float32 either way.
///
/// bfloat16 keeps float32's range with seven bits of fraction, so it needs no loss scaling (Kalamkar and others 2019). Parameters,
/// their gradients and the residual stream stay float32: only what products read, and what a step keeps for its backward, is rounded.
public enum Precision: Sendable {
  /// IEEE 754 single precision.
  case fp32
  /// bfloat16 factors.
  case bf16

  /// How factors are stored.
  public var element: StoredRows.Element {
    switch self {
    case .fp32: .fp32
    case .bf16: .bf16
    }
  }
}

extension Workspace {
  /// Takes rows `[rows, columns]` with unspecified contents, stored as a precision asks.
  public func rows(_ rows: Int, _ columns: Int, _ precision: Precision) -> StoredRows {
    StoredRows(
      take(UInt8.self, rows * columns * precision.element.size), precision.element, rows: rows, columns: columns)
  }
}
