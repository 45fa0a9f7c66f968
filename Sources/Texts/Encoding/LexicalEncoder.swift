/// A text as one vector of unit length, by its words and features alone: a TF-IDF vector, projected at random onto a fixed width.
///
///     v = u / ‖u‖,   u = Σ_words weight(word) · state(word)
///
/// `state` is the hashed encoder's, so that words with pieces in common lie near each other, and unrelated ones nearly at a right angle.
/// The cosine of two texts is then that of their TF-IDF vectors, up to noise of 1/√width. Ours; needs no language model.
package struct LexicalEncoder: Sendable {
  /// Words and features of a text that are read.
  static let mostWords = 64
  private let weights: WordWeights
  private let encoder: HashedEncoder

  /// The width of a vector.
  package var dimension: Int { encoder.dimension }

  /// Encodes by the weights of a catalogue's words.
  init(dimension: Int, weights: WordWeights) {
    self.weights = weights
    encoder = HashedEncoder(dimension: dimension, maxTokens: Self.mostWords)
  }

  /// Writes a text's vector, `dimension` numbers: of length 1, or zeros when the text has no word of any weight.
  package func encode(_ text: String, into vector: UnsafeMutablePointer<Float>) {
    var states: [Float] = []
    encoder.encode(text, into: &states)
    let split = TextTokens(text, limit: Self.mostWords)
    vector.update(repeating: 0, count: dimension)
    for (token, index) in split.tokens.enumerated() {
      let weight = weights.weight(HashedEncoder.number(of: split.scalars[index]))
      for column in 0..<dimension { vector[column] += weight * states[token * dimension + column] }
    }
    var squares: Float = 0
    for column in 0..<dimension { squares += vector[column] * vector[column] }
    let scale = squares > 0 ? 1 / squares.squareRoot() : 0
    for column in 0..<dimension { vector[column] *= scale }
  }
}
