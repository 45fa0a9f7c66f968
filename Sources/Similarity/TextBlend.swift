public import Model
public import Tensors

/// The text vectors of a catalogue, and how a phase blends them into its scores.
public struct TextBlend: Sendable {
  /// The vectors.
  public let vectors: TextVectors
  /// The weights.
  public let blend: Blend

  /// Puts vectors and weights together.
  public init(_ vectors: TextVectors, _ blend: Blend) { (self.vectors, self.blend) = (vectors, blend) }
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
