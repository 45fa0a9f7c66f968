package import Tensors

/// AdamW over the flat dense buffer, with clipping folded in.
///
/// docs/model.md, section 5.
///
///     m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²
///     w −= lr · wd · w,  w −= lr · m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
///
/// Loshchilov & Hutter 2019; ε stands outside the bias correction, as in PyTorch.
package final class AdamW {
  /// The constants.
  package struct Options: Sendable, Equatable {
    /// β₁.
    package var beta1: Float = 0.9
    /// β₂.
    package var beta2: Float = 0.999
    /// ε.
    package var epsilon: Float = 1e-8
    /// Decoupled weight decay of the matrices.
    package var weightDecay: Float = 0.01

    /// PyTorch's defaults.
    package init() {}
  }

  /// First moments, laid out as the flat values.
  package let firstMoments: Vector
  /// Second moments, laid out as the flat values.
  package let secondMoments: Vector
  /// The number of updates made, t.
  package var updates = 0
  private let parameters: ParameterArena
  private let options: Options
  private let first: Storage<Float>
  private let second: Storage<Float>

  /// Makes zero moments for an arena's parameters.
  package init(_ parameters: ParameterArena, options: Options) {
    self.parameters = parameters
    self.options = options
    first = Storage(count: parameters.values.count)
    second = Storage(count: parameters.values.count)
    firstMoments = Vector(first.base, count: first.count)
    secondMoments = Vector(second.base, count: second.count)
  }

  /// Updates every parameter; gradients are multiplied by `gradientFactor` (see `GradientNorm`) as they are read.
  package func update(learningRate: Float, gradientFactor: Float) {
    updates += 1
    let step = AdamStep(
      learningRate: learningRate, beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon, step: updates)
    adamW(
      step, weightDecay: options.weightDecay, gradientFactor: gradientFactor, decays: parameters.decays,
      gradient: parameters.gradients, value: parameters.values, m: firstMoments, v: secondMoments)
  }
}

/// The global norm of the dense gradients, and the factor that clips them to a bound (Pascanu and others 2013).
package struct GradientNorm: Sendable, Equatable {
  /// √Σ g² over every dense parameter.
  package let norm: Double
  /// What gradients are multiplied by: 1, or bound / norm when the norm is larger.
  package let factor: Float

  /// Measures a flat gradient buffer; a bound of 0 never clips.
  package init(of gradients: Vector, bound: Double) {
    norm = sumOfSquares(gradients).squareRoot()
    factor = bound > 0 && norm > bound ? Float(bound / norm) : 1
  }
}
