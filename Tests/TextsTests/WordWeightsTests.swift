import Collectives
import Foundation
import Synchronization
import Testing

@testable import Texts

struct WordWeightsTests {
  private func words(_ texts: [String], on communicator: any Communicator = SoloCommunicator()) throws -> SharedWords {
    var counts = WordCounts()
    for text in texts { counts.count(text) }
    return try counts.shared(on: communicator)
  }

  private func number(_ word: String) -> UInt64 {
    let splitter = WordSplitter(word, limit: 1)
    return HashedEncoder.number(of: splitter.scalars[splitter.words[0]])
  }

  /// "red" stands in 3 of 4 texts, twice in one of them; "boat" in 2; "blue" in 1.
  ///
  /// The text without a word does not count.
  private static let texts = ["red boat", "Red red car", "red", "blue boat", " ... "]

  @Test func weightsAreLogarithmsOfTheShareOfTexts() throws {
    let weights = try words(Self.texts).weights
    #expect(weights.texts == 4)
    for (word, frequency) in [("red", 3), ("boat", 2), ("blue", 1), ("car", 1)] {
      #expect(abs(weights.weight(number(word)) - Float(log(4.0 / Double(frequency)))) < 1e-6, "\(word)")
    }
    // A word of no text weighs as one of a single text.
    #expect(weights.weight(number("green")) == weights.weight(number("blue")))
  }

  @Test func aWordOfEveryTextSaysNothing() throws {
    #expect(try words(["red boat", "red car"]).weights.weight(number("red")) == 0)
    #expect(try words([]).weights.weight(number("red")) == 0)
  }

  @Test func isPutTogetherFromWhatIsSorted() throws {
    let words = try words(Self.texts)
    #expect(words.words == words.words.sorted() && words.words.count == 4 && words.frequencies.sorted() == [1, 1, 2, 3])
    #expect(words.first == 0 && words.total == 4)
    #expect(WordWeights(texts: words.weights.texts, words: words.words, frequencies: words.frequencies) == words.weights)
  }

  /// Each text counted by one rank or the other: the parts one behind the other are what one rank counts.
  @Test(arguments: [1, 2, 3, 5]) func ranksCountWhatOneCounts(ranks: Int) throws {
    let texts = Self.texts + (0..<300).map { "w\($0 % 37) w\($0 % 11) red" }
    let whole = try words(texts)
    let parts = Mutex<[Int: SharedWords]>([:])
    try RankThreads.run(ranks: ranks) { communicator in
      let own = texts.indices.filter { $0 % communicator.size == communicator.rank }.map { texts[$0] }
      let part = try words(own, on: communicator)
      parts.withLock { $0[communicator.rank] = part }
    }
    let all = parts.withLock { all in (0..<ranks).compactMap { all[$0] } }
    #expect(all.flatMap(\.words) == whole.words && all.flatMap(\.frequencies) == whole.frequencies && all.count == ranks)
    #expect(all.allSatisfy { $0.weights == whole.weights && $0.total == whole.total })
    #expect(all.map(\.first) == all.indices.map { all[..<$0].reduce(0) { $0 + $1.words.count } })
  }

  /// Spread evenly, crowded at either end, and anything else: every word is found, and no other.
  @Test func everyWordIsFound() {
    let spread = (0..<5000).map { UInt64($0).multipliedFullWidth(by: .max / 5000).low }
    let crowded = (0..<3000).map { UInt64($0 * 3) }
    let lists: [[UInt64]] = [spread, crowded, crowded.map { .max - $0 }.reversed(), Array(crowded[..<40]) + [.max], [7]]
    for words in lists {
      let weights = WordWeights(texts: 1 << 40, words: words, frequencies: words.indices.map { $0 + 2 })
      for (place, word) in words.enumerated() {
        #expect(weights.weight(word) == Float(log(Double(1 << 40) / Double(place + 2))))
        if word < .max, !words.contains(word + 1) { #expect(weights.weight(word + 1) == Float(log(Double(1 << 40)))) }
      }
    }
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
