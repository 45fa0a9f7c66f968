import Foundation

/// How much each word of a catalogue's texts says: its inverse document frequency.
///
///     weight(word) = ln(texts / texts with the word)
///
/// A word of every text says nothing; one that no text has weighs as one of a single text. Spärck Jones, "A statistical interpretation of
/// term specificity", 1972. Words are kept as 64-bit hashes: two that meet in one count as one.
public struct WordWeights: Sendable, Equatable {
  /// Texts that have at least one word.
  public private(set) var texts = 0
  private var frequencies: [UInt64: Int] = [:]

  /// Knows no word yet.
  public init() {}

  /// Puts weights together from `sorted`.
  public init(texts: Int, words: [UInt64], frequencies: [Int]) {
    self.texts = texts
    self.frequencies = Dictionary(zip(words, frequencies)) { first, _ in first }
  }

  /// Counts a text's words, each once.
  public mutating func count(_ text: String) {
    let splitter = WordSplitter(text, limit: LexicalEncoder.mostWords)
    let words = Set(splitter.words.map { HashedEncoder.number(of: splitter.scalars[$0]) })
    guard !words.isEmpty else { return }
    texts += 1
    for word in words { frequencies[word, default: 0] += 1 }
  }

  /// The words' numbers rising, and in how many texts each stands.
  public var sorted: (words: [UInt64], frequencies: [Int]) {
    let words = frequencies.keys.sorted()
    return (words, words.map { frequencies[$0] ?? 0 })
  }

  /// The weight of a word, from its number.
  func weight(_ word: UInt64) -> Float {
    Float(log(Double(max(texts, 1)) / Double(min(max(frequencies[word] ?? 1, 1), max(texts, 1)))))
  }
}
