public import Model
public import Tensors

/// What a blend adds to the embeddings of items and users, behind the model's: their text, and the code of items where it counts.
///
///     item [ t_j | c_j ]        user [ Σ_k β ρᵏ t(i_{n−k}) | γ c(i_n) ]
public struct TextBlend: Sendable {
  /// The vectors.
  public let vectors: TextVectors
  /// The weights.
  public let blend: Blend

  /// Puts vectors and weights together.
  public init(_ vectors: TextVectors, _ blend: Blend) {
    (self.vectors, self.blend) = (vectors, blend)
    repeatWeight = Float(blend.repeatWeight ?? 0)
  }

  /// The numbers that are added.
  public var width: Int { vectors.width + (hasCodes ? ItemCode.width : 0) }

  /// Whether items have their codes.
  public var hasCodes: Bool { repeatWeight != 0 }

  /// Writes what is added to an item of the catalogue, `width` numbers.
  public func copy(_ item: Int, into part: UnsafeMutablePointer<Float>) {
    vectors.copy(item, into: part)
    if hasCodes { ItemCode.write(item, 1, into: part + vectors.width) }
  }

  /// Writes what is added to a user, `width` numbers.
  ///
  /// - Parameters:
  ///   - history: the user's items, oldest first.
  ///   - confidence: how sure the model is of the user.
  ///   - scratch: twice the width of a text vector.
  public func query(
    _ history: RowList, confidence: Float, into query: UnsafeMutablePointer<Float>, scratch: Vector
  ) {
    let cell = blend.cell(confidence: confidence, likeness: vectors.likeness(history, scratch: scratch))
    vectors.query(history, weights: blend.cells[cell].lags, into: query, scratch: scratch)
    guard hasCodes else { return }
    guard history.count > 0 else { return (query + vectors.width).update(repeating: 0, count: ItemCode.width) }
    ItemCode.write(Int(history[history.count - 1]), repeatWeight, into: query + vectors.width)
  }

  private let repeatWeight: Float
}

extension TextVectors {
  /// Writes Σ_k w_k t(i_{n−k}) `[w]` of a history, oldest first, with weights newest first.
  ///
  /// - Parameter scratch: `w` numbers.
  public func query(_ history: RowList, weights: [Float], into query: UnsafeMutablePointer<Float>, scratch: Vector) {
    query.update(repeating: 0, count: width)
    for (weight, item) in zip(weights, history.reversed()) {
      copy(Int(item), into: scratch.base)
      for column in 0..<width { query[column] += weight * scratch[column] }
    }
  }

  /// The product of the two newest events' vectors; −1 for a history of fewer, below any two events that are merely unlike.
  ///
  /// - Parameter scratch: `2 · w` numbers.
  public func likeness(_ history: RowList, scratch: Vector) -> Float {
    guard history.count > 1 else { return -1 }
    let (newest, before) = (scratch.base, scratch.base + width)
    copy(Int(history[history.count - 1]), into: newest)
    copy(Int(history[history.count - 2]), into: before)
    var product: Float = 0
    for column in 0..<width { product += newest[column] * before[column] }
    return product
  }
}
