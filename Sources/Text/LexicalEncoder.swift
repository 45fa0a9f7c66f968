/// A text as one vector of unit length, by its words alone: a TF-IDF vector, projected at random onto a fixed width.
///
///     v = u / ‖u‖,   u = Σ_words weight(word) · state(word)
///
/// `state` is the hashed encoder's, so that words with pieces in common lie near each other, and unrelated ones nearly at a right angle.
/// The cosine of two texts is then that of their TF-IDF vectors, up to noise of 1/√width. Ours; needs no language model.
public struct LexicalEncoder: Sendable {
  /// Words of a text that are read.
  static let mostWords = 64

  /// The width of a vector.
  public var dimension: Int { encoder.dimension }

  private let weights: WordWeights
  private let encoder: HashedEncoder

  /// Encodes by the weights of a catalogue's words.
  public init(dimension: Int, weights: WordWeights) {
    self.weights = weights
    encoder = HashedEncoder(dimension: dimension, maxTokens: Self.mostWords)
  }

  /// Writes a text's vector, `dimension` numbers: of length 1, or zeros when the text has no word of any weight.
  public func encode(_ text: String, into vector: UnsafeMutablePointer<Float>) {
    var states: [Float] = []
    encoder.encode(text, into: &states)
    let splitter = WordSplitter(text, limit: Self.mostWords)
    vector.update(repeating: 0, count: dimension)
    for (token, place) in splitter.words.enumerated() {
      let weight = weights.weight(HashedEncoder.number(of: splitter.scalars[place]))
      for column in 0..<dimension { vector[column] += weight * states[token * dimension + column] }
    }
    var squares: Float = 0
    for column in 0..<dimension { squares += vector[column] * vector[column] }
    let scale = squares > 0 ? 1 / squares.squareRoot() : 0
    for column in 0..<dimension { vector[column] *= scale }
  }
}
