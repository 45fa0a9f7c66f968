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

  /// Writes Σ_k w_k t(i_{n−k}) `[w]` of a history, oldest first, with weights newest first.
  ///
  /// - Parameter scratch: `w` numbers.
  public static func query(
    _ history: RowList, weights: [Float], of vectors: TextVectors, into query: UnsafeMutablePointer<Float>, scratch: Vector
  ) {
    query.update(repeating: 0, count: vectors.width)
    for (weight, item) in zip(weights, history.reversed()) {
      vectors.copy(Int(item), into: scratch.base)
      for column in 0..<vectors.width { query[column] += weight * scratch[column] }
    }
  }
}
