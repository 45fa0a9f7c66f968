import Foundation

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

/// How much each word of a catalogue's texts says: its inverse document frequency.
///
///     weight(word) = ln(texts / texts with the word)
///
/// A word of every text says nothing; one that no text has weighs as one of a single text. Spärck Jones, "A statistical interpretation of
/// term specificity", 1972. Words are kept as 64-bit hashes: two that meet in one count as one.
struct WordWeights: Sendable, Equatable {
  /// Texts that have at least one word.
  package private(set) var texts = 0
  private var frequencies: [UInt64: Int] = [:]

  /// Knows no word yet.
  init() {}

  /// Puts weights together from `sorted`.
  init(texts: Int, words: [UInt64], frequencies: [Int]) {
    self.texts = texts
    self.frequencies = Dictionary(zip(words, frequencies)) { first, _ in first }
  }

  /// Counts a text's words and features, each once.
  package mutating func count(_ text: String) {
    let split = TextTokens(text, limit: LexicalEncoder.mostWords)
    let words = Set(split.tokens.map { HashedEncoder.number(of: split.scalars[$0]) })
    guard !words.isEmpty else { return }
    texts += 1
    for word in words { frequencies[word, default: 0] += 1 }
  }

  /// The words' numbers rising, and in how many texts each stands.
  package var sorted: (words: [UInt64], frequencies: [Int]) {
    let words = frequencies.keys.sorted()
    return (words, words.map { frequencies[$0] ?? 0 })
  }

  /// The weight of a word, from its number.
  func weight(_ word: UInt64) -> Float {
    Float(log(Double(max(texts, 1)) / Double(min(max(frequencies[word] ?? 1, 1), max(texts, 1)))))
  }
}
