import Host
import Tensors

/// An affine map of every row: `y = x W + b`, W `[in, out]`.
///
/// W is packed for the kernels once a step (`factor`, `transposedFactor`) and then multiplied with block after block of rows; who
/// uses the map adds the bias together with what follows.
struct Linear {
  /// The weight `[in, out]`.
  package let weight: Parameter
  /// The bias `[out]`.
  package let bias: Parameter

  /// Declares the parameters: Xavier-uniform (or zero) weight, zero bias.
  package static func specs(_ name: String, inputs: Int, outputs: Int, zero: Bool = false) -> [ParameterSpec] {
    [
      ParameterSpec("\(name).weight", [inputs, outputs], zero ? .zeros : .xavierUniform, decays: true),
      ParameterSpec("\(name).bias", [outputs], .zeros, decays: false),
    ]
  }

  /// Finds the parameters in an arena.
  init(_ name: String, in arena: ParameterArena) {
    weight = arena["\(name).weight"]
    bias = arena["\(name).bias"]
  }

  /// W, packed: what x is multiplied by.
  package func factor(_ precision: NumberFormat, workspace: Workspace) -> PackedFactor {
    PackedFactor(weight.value, precision: precision, workspace: workspace)
  }

  /// Wᵀ, packed: what dY is multiplied by to give dX.
  func transposedFactor(_ precision: NumberFormat, workspace: Workspace) -> PackedFactor {
    PackedFactor(weight.value, transposed: true, precision: precision, workspace: workspace)
  }

  /// Adds dW = xᵀ dY and db = Σ dY; x `[rows, in]` and dY `[rows, out]` stored alike.
  func addGradients(x: StoredRows, dY: StoredRows, workspace: Workspace) {
    addProduct(ofTransposed: x, dY, to: weight.gradient, workspace: workspace)
    addColumnSums(dY, to: bias.gradientVector)
  }
}
