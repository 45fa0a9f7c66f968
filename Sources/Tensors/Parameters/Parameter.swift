/// One dense parameter: a view of its values and of its gradient in the flat buffers of a `ParameterArena`.
package struct Parameter {
  /// The name, as in checkpoints and golden cases: `blocks.0.qkv.weight`.
  package let name: String
  /// The extents, outermost first.
  package let shape: [Int]
  /// The part of the model that it belongs to.
  package let group: ParameterGroup
  /// What its rows stand for.
  package let rows: ParameterRows
  /// Where the tensor starts in the flat buffers, in elements.
  package let offset: Int
  /// The values, as a matrix whose columns are the last extent.
  package let value: Matrix
  /// The gradient, of the same shape; backward passes add to it.
  package let gradient: Matrix

  /// The number of elements.
  package var count: Int { value.count }
  /// The values as one vector.
  package var vector: Vector { Vector(value.base, count: count) }
  /// The gradient as one vector.
  package var gradientVector: Vector { Vector(gradient.base, count: count) }

  /// The values of the `index`-th slice along the first of three extents: expert `index` of `[K, dt, d_s]`.
  package func slice(_ index: Int) -> (value: Matrix, gradient: Matrix) {
    precondition(shape.count == 3 && index >= 0 && index < shape[0], "slice \(index) of \(shape)")
    let size = shape[1] * shape[2]
    return (
      Matrix(value.base + index * size, rows: shape[1], columns: shape[2]),
      Matrix(gradient.base + index * size, rows: shape[1], columns: shape[2])
    )
  }
}

/// How a dense parameter starts (docs/model.md: normal σ = 0.02 for tables and queries, Xavier-uniform for matrices, zero biases).
package enum Initialization: Sendable, Equatable {
  /// All zero: biases, the last layer of a residual user head.
  case zeros
  /// All one: layer-norm scales.
  case ones
  /// Normal with mean zero.
  case normal(deviation: Float)
  /// Uniform in ±√(6 / (fan in + fan out)), the fans being the last two extents (Glorot & Bengio 2010).
  case xavierUniform
}

/// The parts of a model that are frozen, counted or started anew as one.
package enum ParameterGroup: Sendable {
  /// Gate, queries and experts of embedding fusion.
  case fusion
  /// Everything between an item's embedding and the hidden states.
  case transformer
  /// A targeted phase's own head.
  case userHead
}

/// What the rows of a parameter stand for, which decides what becomes of them over another data set.
package enum ParameterRows: Sendable {
  /// The same in every data set.
  case fixed
  /// A data set's scenes.
  case scenes
  /// A data set's behaviors.
  case behaviors
  /// The tokens of the longest text, a run of rows each.
  case tokens
}

/// What a layer asks for when it declares a parameter: name, shape and start, once.
package struct ParameterSpec: Sendable, Equatable {
  /// The name.
  package let name: String
  /// The extents, outermost first.
  package let shape: [Int]
  /// The values at the start of training.
  package let initialization: Initialization
  /// Whether AdamW's weight decay applies (matrices yes; biases, norms and embeddings no).
  package let decays: Bool
  /// The part of the model that it belongs to.
  package private(set) var group = ParameterGroup.transformer
  /// What its rows stand for.
  package let rows: ParameterRows

  /// Declares a parameter of the transformer.
  package init(
    _ name: String, _ shape: [Int], _ initialization: Initialization, decays: Bool, rows: ParameterRows = .fixed
  ) {
    self.name = name
    self.shape = shape
    self.initialization = initialization
    self.decays = decays
    self.rows = rows
  }

  /// The same as a part of another group.
  package func grouped(_ group: ParameterGroup) -> ParameterSpec {
    var spec = self
    spec.group = group
    return spec
  }

  /// The number of elements.
  package var count: Int { shape.reduce(1, *) }
}
