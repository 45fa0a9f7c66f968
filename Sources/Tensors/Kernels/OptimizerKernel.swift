import CKernels

/// The constants of one Adam update; `correction` is 1 − βᵗ of the step.
package struct AdamStep: Sendable {
  let learningRate, beta1, beta2, epsilon, correction1, correction2: Float

  /// Makes the constants of update number `step` (counted from 1).
  package init(learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, step: Int) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    correction1 = Float(1 - Double.power(Double(beta1), step))
    correction2 = Float(1 - Double.power(Double(beta2), step))
  }
}

/// AdamW over the flat dense buffer (Loshchilov & Hutter 2019; ε outside the bias correction, as in PyTorch).
///
/// Gradients are multiplied by `gradientFactor` (clipping) as they are read.
package func adamW(
  _ step: AdamStep, weightDecay: Float, gradientFactor: Float, decays: UnsafePointer<UInt8>, gradient: Vector, value: Vector,
  m: Vector, v: Vector
) {
  precondition(
    gradient.count == value.count && m.count == value.count && v.count == value.count,
    "AdamW of \(value.count) values with \(gradient.count) gradients")
  var constants = ck_adamw_step(
    learning_rate: step.learningRate, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon, weight_decay: weightDecay,
    correction1: step.correction1, correction2: step.correction2, gradient_factor: gradientFactor)
  ck_adamw(&constants, value.count, decays, gradient.base, value.base, m.base, v.base)
}

extension Double {
  /// base to a whole power, by squaring.
  static func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, factor, left) = (1.0, base, exponent)
    while left > 0 {
      if left & 1 == 1 { result *= factor }
      factor *= factor
      left >>= 1
    }
    return result
  }
}
