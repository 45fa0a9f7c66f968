import Kernels
public import Tensors

/// The global norm of the dense gradients, and the factor that clips them to a bound (Pascanu and others 2013).
public struct GradientNorm: Sendable, Equatable {
  /// √Σ g² over every dense parameter.
  public let norm: Double
  /// What gradients are multiplied by: 1, or bound / norm when the norm is larger.
  public let factor: Float

  /// Measures a flat gradient buffer; a bound of 0 never clips.
  public init(of gradients: Vector, bound: Double) {
    norm = sumOfSquares(gradients).squareRoot()
    factor = bound > 0 && norm > bound ? Float(bound / norm) : 1
  }
}
