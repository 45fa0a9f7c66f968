import Foundation
import Testing

@testable import Texts

struct WordWeightsTests {
  private func weights(_ texts: [String]) -> WordWeights {
    var weights = WordWeights()
    for text in texts { weights.count(text) }
    return weights
  }

  private func number(_ word: String) -> UInt64 {
    let splitter = WordSplitter(word, limit: 1)
    return HashedEncoder.number(of: splitter.scalars[splitter.words[0]])
  }

  /// "red" stands in 3 of 4 texts, twice in one of them; "boat" in 2; "blue" in 1.
  ///
  /// The text without a word does not count.
  private static let texts = ["red boat", "Red red car", "red", "blue boat", " ... "]

  @Test func weightsAreLogarithmsOfTheShareOfTexts() {
    let weights = weights(Self.texts)
    #expect(weights.texts == 4)
    for (word, frequency) in [("red", 3), ("boat", 2), ("blue", 1), ("car", 1)] {
      #expect(abs(weights.weight(number(word)) - Float(log(4.0 / Double(frequency)))) < 1e-6, "\(word)")
    }
    // A word of no text weighs as one of a single text.
    #expect(weights.weight(number("green")) == weights.weight(number("blue")))
  }

  @Test func aWordOfEveryTextSaysNothing() {
    #expect(weights(["red boat", "red car"]).weight(number("red")) == 0)
    #expect(WordWeights().weight(number("red")) == 0)
  }

  @Test func isPutTogetherFromWhatIsSorted() {
    let weights = weights(Self.texts)
    let sorted = weights.sorted
    #expect(sorted.words == sorted.words.sorted() && sorted.words.count == 4 && sorted.frequencies.sorted() == [1, 1, 2, 3])
    #expect(WordWeights(texts: weights.texts, words: sorted.words, frequencies: sorted.frequencies) == weights)
  }

  /// Numbers of a file can be any: weights stay between none and that of a single text.
  @Test func frequenciesThatNoTextsHaveGiveWeightsAllTheSame() {
    let words = [UInt64](0..<5)
    let weights = WordWeights(texts: 7, words: words, frequencies: [0, -3, .max, .min, 7])
    for word in words { #expect((0...Float(log(7.0))).contains(weights.weight(word)), "\(word)") }
    for texts in [0, -1, Int.min] { #expect(WordWeights(texts: texts, words: [1], frequencies: [1]).weight(1) == 0) }
    #expect(WordWeights(texts: .max, words: [1], frequencies: [1]).weight(1).isFinite)
    #expect(WordWeights(texts: 3, words: [1, 1], frequencies: [1, 3]).weight(1) == Float(log(3.0)))
  }
}
