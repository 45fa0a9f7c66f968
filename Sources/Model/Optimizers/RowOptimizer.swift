import Host
package import Tensors

/// Where a row's gradient becomes an update: the rows of a sharded table that a step touched change, the others are not read.
///
/// `ItemTable.update` hands it the gradients; the arithmetic of an element is one C function (`Sources/CKernels/row_update.h`).
/// docs/model.md, section 5.
///
/// AdaGrad keeps one accumulator a row (`G += mean(g²)`, `w −= lr · g / (√G + ε)`); lazy Adam keeps two moments an element
/// and each row's own count of updates for the bias correction (ours: a rarely seen row is corrected by what it has seen).
package final class RowOptimizer {
  /// Which rule.
  package enum Rule: Sendable, Equatable {
    /// Row-wise AdaGrad.
    case adaGrad(epsilon: Float)
    /// Adam on touched rows only.
    case lazyAdam(beta1: Float, beta2: Float, epsilon: Float)
  }

  /// A named block of optimizer state, for checkpoints: `columns` floats a row.
  package struct State {
    /// The name: `accumulator`, `moment1`, `moment2`, `updates`.
    package let name: String
    /// The numbers `[rows, columns]`.
    package let values: Matrix
  }

  /// The rule.
  package let rule: Rule
  /// The state, row for row with the table.
  package let states: [State]
  private let width: Int
  private let storages: [Storage<Float>]

  /// Makes the state of a table `[rows, width]`, all zero.
  package init(_ rule: Rule, rows: Int, width: Int) {
    self.rule = rule
    self.width = width
    let blocks: [(String, Int)] =
      switch rule {
      case .adaGrad: [("accumulator", 1)]
      case .lazyAdam: [("moment1", width), ("moment2", width), ("updates", 1)]
      }
    storages = blocks.map { Storage(count: rows * $0.1) }
    states = zip(blocks, storages).map { State(name: $0.0, values: Matrix($1.base, rows: rows, columns: $0.1)) }
  }

  /// Updates one row of float32 values from its gradient.
  package func update(_ row: Int, gradient: Vector, value: Vector, learningRate: Float) {
    precondition(gradient.count == width && value.count == width, "a row of \(value.count) in a table of \(width)")
    updateRows(
      update(ofRow: row, rounding: nil, learningRate: learningRate), gradient: gradient.base,
      values: StoredRows(value.base, .fp32, rows: 1, columns: width))
  }

  /// The update of the rows from `row` on, for a kernel that has their gradients.
  ///
  /// - Parameter rounding: the random bits of the first row, which rows in 16 bits need.
  package func update(ofRow row: Int, rounding: StochasticRounding?, learningRate: Float) -> RowUpdate {
    switch rule {
    case .adaGrad(let epsilon):
      .adaGrad(learningRate: learningRate, epsilon: epsilon, accumulator: states[0].values.row(row), rounding: rounding)
    case .lazyAdam(let beta1, let beta2, let epsilon):
      .adam(
        learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, m: states[0].values.row(row),
        v: states[1].values.row(row), updates: states[2].values.row(row), rounding: rounding)
    }
  }
}
