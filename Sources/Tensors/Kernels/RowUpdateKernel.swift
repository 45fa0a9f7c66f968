import CKernels
import Host

/// An update of a run of rows of a table, for a kernel that has their gradients: rule, constants and the rows' own state.
///
/// A plain value that points to the state, which somebody else owns; row 0 is the first of the run.
package struct RowUpdate {
  var raw: ck_row_update
  private let isRounding: Bool

  /// Row-wise AdaGrad: `G += mean(g²)`, `w −= learning rate · g / (√G + ε)`; a zero gradient changes nothing.
  ///
  /// - Parameters:
  ///   - accumulator: G of each row.
  ///   - rounding: the random bits of the first row, the next rows' following; rows in 16 bits need them, float32 does not.
  package static func adaGrad(
    learningRate: Float, epsilon: Float, accumulator: UnsafeMutablePointer<Float>, rounding: StochasticRounding?
  ) -> RowUpdate {
    var update = RowUpdate(CK_ADAGRAD, learningRate, epsilon, rounding)
    update.raw.accumulator = accumulator
    return update
  }

  /// Adam of touched rows, corrected by `1 − βᵗ` of each row's own count of updates.
  ///
  /// - Parameters:
  ///   - m, v: the moments, a row a row.
  ///   - updates: each row's count, which is increased first.
  ///   - rounding: as for AdaGrad.
  package static func adam(
    learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, m: UnsafeMutablePointer<Float>,
    v: UnsafeMutablePointer<Float>, updates: UnsafeMutablePointer<Float>, rounding: StochasticRounding?
  ) -> RowUpdate {
    var update = RowUpdate(CK_ADAM, learningRate, epsilon, rounding)
    (update.raw.beta1, update.raw.beta2) = (beta1, beta2)
    (update.raw.m, update.raw.v, update.raw.updates) = (m, v, updates)
    return update
  }

  private init(_ rule: ck_row_rule, _ learningRate: Float, _ epsilon: Float, _ rounding: StochasticRounding?) {
    raw = ck_row_update()
    (raw.rule, raw.learning_rate, raw.epsilon) = (Int32(rule.rawValue), learningRate, epsilon)
    isRounding = rounding != nil
    if let rounding { (raw.rounding, raw.key) = (rounding.stream.raw, rounding.row) }
  }

  /// Traps when rows of this kind cannot be updated.
  func check(_ values: StoredRows) {
    precondition(isRounding || values.element == .fp32, "rows in 16 bits are updated without random bits")
  }
}

/// Updates rows as they are stored from their gradients `[rows, columns]`; read once, computed in float32, written once.
package func updateRows(_ update: RowUpdate, gradient: UnsafePointer<Float>, values: StoredRows) {
  update.check(values)
  withUnsafePointer(to: update.raw) {
    ck_update_rows(values.element.code, values.rows, values.columns, $0, gradient, values.base)
  }
}

/// The random bits that round one row up or down, so that a stored row is right on average (Gupta et al., ICML 2015).
///
/// To the nearest, an update below half the last kept digit would never arrive, however often it is made.
package struct StochasticRounding: Sendable {
  /// The stream of the step.
  package let stream: RandomStream
  /// The row of the stream: a number that is this row's on every rank.
  package let row: UInt64

  /// The bits of token number `token` of the catalogue's row `item`, at the stream's step.
  package init(_ stream: RandomStream, item: Int, token: Int) {
    precondition(token < 1 << 16, "token \(token) of an item")
    self.stream = stream
    row = UInt64(item) << 16 | UInt64(token)
  }
}
