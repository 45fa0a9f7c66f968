import Kernels
public import Tensors

/// Updates the rows of a sharded table that a step touched; the others are not read.
///
/// docs/model.md, section 5.
///
/// AdaGrad keeps one accumulator a row (`G += mean(g²)`, `w −= lr · g / (√G + ε)`); lazy Adam keeps two moments an element
/// and each row's own count of updates for the bias correction (ours: a rarely seen row is corrected by what it has seen).
public final class RowOptimizer {
  /// Which rule.
  public enum Rule: Sendable, Equatable {
    /// Row-wise AdaGrad.
    case adaGrad(epsilon: Float)
    /// Adam on touched rows only.
    case lazyAdam(beta1: Float, beta2: Float, epsilon: Float)
  }

  /// A named block of optimizer state, for checkpoints: `columns` floats a row.
  public struct State {
    /// The name: `accumulator`, `moment1`, `moment2`, `updates`.
    public let name: String
    /// The numbers `[rows, columns]`.
    public let values: Matrix
  }

  /// The rule.
  public let rule: Rule
  /// The state, row for row with the table.
  public let states: [State]

  /// Makes the state of a table `[rows, width]`, all zero.
  public init(_ rule: Rule, rows: Int, width: Int) {
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
  public func update(_ row: Int, gradient: Vector, value: Vector, learningRate: Float) {
    let stored = StoredRows(value.base, .fp32, rows: 1, columns: value.count)
    update(row, gradient: gradient, value: stored, rounding: nil, learningRate: learningRate)
  }

  /// Updates one row of values, as they are stored, from its gradient.
  ///
  /// - Parameter rounding: the random bits that a row in bfloat16 needs.
  public func update(_ row: Int, gradient: Vector, value: StoredRows, rounding: StochasticRounding?, learningRate: Float) {
    precondition(value.count == width, "a row of \(value.count) in a table of \(width)")
    switch rule {
    case .adaGrad(let epsilon):
      adaGradRow(
        gradient: gradient, value: value, rounding: rounding, accumulator: states[0].values.row(row), learningRate: learningRate,
        epsilon: epsilon)
    case .lazyAdam(let beta1, let beta2, let epsilon):
      states[2].values[row, 0] += 1
      let step = AdamStep(
        learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, step: Int(states[2].values[row, 0]))
      adamRow(
        step, gradient: gradient, value: value, rounding: rounding, m: Vector(states[0].values.row(row), count: width),
        v: Vector(states[1].values.row(row), count: width))
    }
  }

  private let width: Int
  private let storages: [Storage<Float>]
}
