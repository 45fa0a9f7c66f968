import Kernels
public import Tensors

/// An affine map of every row: `y = x W + b`, W `[in, out]`.
public struct Linear {
  /// The weight `[in, out]`.
  public let weight: Parameter
  /// The bias `[out]`.
  public let bias: Parameter

  /// Declares the parameters: Xavier-uniform (or zero) weight, zero bias.
  public static func specs(_ name: String, inputs: Int, outputs: Int, zero: Bool = false) -> [ParameterSpec] {
    [
      ParameterSpec("\(name).weight", [inputs, outputs], zero ? .zeros : .xavierUniform, decays: true),
      ParameterSpec("\(name).bias", [outputs], .zeros, decays: false),
    ]
  }

  /// Finds the parameters in an arena.
  public init(_ name: String, in arena: ParameterArena) {
    weight = arena["\(name).weight"]
    bias = arena["\(name).bias"]
  }

  /// `y = x W + b`; x `[rows, in]`, y `[rows, out]`.
  public func forward(_ x: Matrix, into y: Matrix) {
    forwardWithoutBias(x, into: y)
    addBias(bias.vector, to: y)
  }

  /// `y = x W`, for layers that fuse the bias into what follows.
  public func forwardWithoutBias(_ x: Matrix, into y: Matrix) {
    multiply(x, weight.value, into: y)
  }

  /// Adds dW = xᵀ dY and db = Σ dY; writes dX = dY Wᵀ unless nil.
  public func backward(x: Matrix, dY: Matrix, dX: Matrix?) {
    multiply(x, transposed: true, dY, into: weight.gradient, keep: 1)
    addColumnSums(dY, to: bias.gradientVector)
    if let dX { multiply(dY, weight.value, rightTransposed: true, into: dX) }
  }
}
