import CKernels
public import Tensors

/// The constants of one Adam update; `correction` is 1 − βᵗ of the step.
public struct AdamStep: Sendable {
  /// Makes the constants of update number `step` (counted from 1).
  public init(learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, step: Int) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    correction1 = Float(1 - Double.power(Double(beta1), step))
    correction2 = Float(1 - Double.power(Double(beta2), step))
  }

  let learningRate, beta1, beta2, epsilon, correction1, correction2: Float
}

/// AdamW over the flat dense buffer (Loshchilov & Hutter 2019; ε outside the bias correction, as in PyTorch).
///
/// Gradients are multiplied by `gradientFactor` (clipping) as they are read.
public func adamW(
  _ step: AdamStep, weightDecay: Float, gradientFactor: Float, decays: UnsafePointer<UInt8>, gradient: Vector, value: Vector,
  m: Vector, v: Vector
) {
  precondition(
    gradient.count == value.count && m.count == value.count && v.count == value.count,
    "AdamW of \(value.count) values with \(gradient.count) gradients")
  ck_adamw(
    value.count, step.learningRate, step.beta1, step.beta2, step.epsilon, weightDecay, step.correction1, step.correction2,
    gradientFactor, decays, gradient.base, value.base, m.base, v.base)
}

/// Row-wise AdaGrad of one row: `G += mean(g²)`, `w −= learning rate · g / (√G + ε)`; a zero gradient changes nothing.
///
/// A row in bfloat16 is read, updated in float32 and written once.
///
/// - Parameter rounding: the random bits that a row in bfloat16 is rounded by; float32 needs none.
public func adaGradRow(
  gradient: Vector, value: StoredRows, rounding: StochasticRounding?, accumulator: UnsafeMutablePointer<Float>,
  learningRate: Float, epsilon: Float
) {
  precondition(gradient.count == value.count, "AdaGrad of \(value.shape) with \(gradient.count) gradients")
  guard value.element == .bf16 else {
    return ck_adagrad_row(value.count, learningRate, epsilon, gradient.base, value.floatBase, accumulator)
  }
  guard let rounding else { preconditionFailure("a row in bfloat16 is updated without random bits") }
  ck_adagrad_row_bf16(
    rounding.stream.raw, rounding.row, value.count, learningRate, epsilon, gradient.base, value.halfBase, accumulator)
}

/// Adam of one touched row, with the row's own count of updates in `step`; stored and rounded as in `adaGradRow`.
public func adamRow(
  _ step: AdamStep, gradient: Vector, value: StoredRows, rounding: StochasticRounding?, m: Vector, v: Vector
) {
  precondition(
    gradient.count == value.count && m.count == value.count && v.count == value.count, "Adam of \(value.shape)")
  guard value.element == .bf16 else {
    return ck_adam_row(
      value.count, step.learningRate, step.beta1, step.beta2, step.epsilon, step.correction1, step.correction2, gradient.base,
      value.floatBase, m.base, v.base)
  }
  guard let rounding else { preconditionFailure("a row in bfloat16 is updated without random bits") }
  ck_adam_row_bf16(
    rounding.stream.raw, rounding.row, value.count, step.learningRate, step.beta1, step.beta2, step.epsilon, step.correction1,
    step.correction2, gradient.base, value.halfBase, m.base, v.base)
}

extension StoredRows {
  fileprivate var floatBase: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
  fileprivate var halfBase: UnsafeMutablePointer<UInt16> { base.assumingMemoryBound(to: UInt16.self) }
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
