import Tensors

/// Layer normalization over the last extent (Ba, Kiros, Hinton 2016), ε = 1e-5 as in PyTorch.
struct LayerNorm {
  /// What backward needs besides the input.
  package struct Saved: BitwiseCopyable {
    let mean: Vector
    let inverseDeviation: Vector

    /// Takes room for `rows` rows.
    init(rows: Int, workspace: Workspace) {
      self.init(mean: workspace.vector(rows), inverseDeviation: workspace.vector(rows))
    }

    private init(mean: Vector, inverseDeviation: Vector) {
      self.mean = mean
      self.inverseDeviation = inverseDeviation
    }

    /// The part that belongs to a run of rows.
    func rows(_ range: Range<Int>) -> Saved { Saved(mean: mean[range], inverseDeviation: inverseDeviation[range]) }
  }

  private let scale: Parameter
  private let bias: Parameter

  /// Declares scale (ones) and bias (zeros), both `[width]`.
  package static func specs(_ name: String, width: Int) -> [ParameterSpec] {
    [
      ParameterSpec("\(name).scale", [width], .ones, decays: false),
      ParameterSpec("\(name).bias", [width], .zeros, decays: false),
    ]
  }

  /// Finds the parameters in an arena.
  init(_ name: String, in arena: ParameterArena) {
    scale = arena["\(name).scale"]
    bias = arena["\(name).bias"]
  }

  /// Normalizes the rows of x `[T, d]` into y `[T, d]`, as y is stored; `saved` is written.
  package func forward(_ x: Matrix, into y: StoredRows, saved: Saved) {
    layerNorm(
      x, scale: scale.vector, bias: bias.vector, epsilon: 1e-5, into: y, mean: saved.mean,
      inverseDeviation: saved.inverseDeviation)
  }

  /// Adds to dX, dScale and dBias from dY `[T, d]`.
  package func backward(x: Matrix, saved: Saved, dY: Matrix, dX: Matrix) {
    layerNormBackward(
      x, scale: scale.vector, mean: saved.mean, inverseDeviation: saved.inverseDeviation, dY: dY, dX: dX,
      dScale: scale.gradientVector, dBias: bias.gradientVector)
  }
}
