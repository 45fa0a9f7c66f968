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

  /// Encodes by the weights of a catalogue's words; `known` is what encoders of this dimension share.
  init(dimension: Int, weights: WordWeights, known: WordStates = WordStates()) {
    self.weights = weights
    encoder = HashedEncoder(dimension: dimension, maxTokens: Self.mostWords, known: known)
  }

  /// Writes a text's vector, `dimension` numbers: of length 1, or zeros when the text has no word of any weight.
  package func encode(_ text: String, into vector: UnsafeMutablePointer<Float>) {
    let split = TextTokens(text, limit: Self.mostWords)
    var states: [Float] = []
    encoder.encode(split, into: &states)
    vector.update(repeating: 0, count: dimension)
    states.withUnsafeBufferPointer { states in
      for (token, index) in split.tokens.enumerated() {
        let weight = weights.weight(HashedEncoder.number(of: split.scalars[index]))
        for column in 0..<dimension { vector[column] += weight * states[token * dimension + column] }
      }
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
  let texts: Int
  /// The words' numbers, rising.
  private let words: [UInt64]
  private let weights: [Float]

  /// Puts weights together from words whose numbers rise, and in how many texts each stands.
  init(texts: Int, words: [UInt64], frequencies: [Int]) {
    self.init(texts: texts, words: words, weights: frequencies.map { Self.weight(frequency: $0, texts: texts) })
  }

  /// The same with the words' weights.
  init(texts: Int, words: [UInt64], weights: [Float]) {
    precondition(words.count == weights.count, "\(words.count) words with \(weights.count) weights")
    (self.texts, self.words, self.weights) = (texts, words, weights)
  }

  /// The weight of a word, from its number.
  func weight(_ word: UInt64) -> Float {
    let place = place(word)
    return place < words.count && words[place] == word ? weights[place] : Self.weight(frequency: 1, texts: texts)
  }

  /// The first place whose word is not below this one.
  ///
  /// Hashes are spread evenly, so it is looked for around where an even spread would have it, in steps that double: a few lines of
  /// the cache instead of twenty. Whatever a file's words are, it ends within them.
  private func place(_ word: UInt64) -> Int {
    var (low, high) = (0, words.count)
    guard high > 0 else { return 0 }
    let guess = Int(word.multipliedFullWidth(by: UInt64(high)).high)
    var step = 16
    // Below `low` all words are below this one, from `high` on none is.
    if words[guess] < word {
      low = guess + 1
      while low + step < high, words[low + step] < word { (low, step) = (low + step + 1, 2 * step) }
      high = min(high, low + step)
    } else {
      high = guess
      while high - step > 0, words[high - step] >= word { (high, step) = (high - step, 2 * step) }
      low = max(low, high - step)
    }
    while low < high {
      let middle = low + (high - low) / 2
      if words[middle] < word { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The weight of a word that stands in so many of the texts; a file's numbers can be any.
  static func weight(frequency: Int, texts: Int) -> Float {
    Float(log(Double(max(texts, 1)) / Double(min(max(frequency, 1), max(texts, 1)))))
  }
}
