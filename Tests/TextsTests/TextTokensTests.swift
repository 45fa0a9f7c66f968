import Collectives
import Datasets
import Foundation
import TestSupport
import Testing

@testable import Texts

/// Features as tokens of their own, beside the words of a text.
struct TextTokensTests {
  private func tokens(_ text: String, limit: Int = 9) -> [String] {
    let split = TextTokens(text, limit: limit)
    return split.tokens.map { String(String.UnicodeScalarView(split.scalars[$0].compactMap(Unicode.Scalar.init))) }
  }

  @Test func featuresStandBehindTheWordsWhole() {
    let text = "Red Shoe\u{1F}category=Shoes & Boots\u{1F}Price=1.5"
    #expect(tokens(text) == ["red", "shoe", "category=shoes & boots", "price=1.5"])
    #expect(TextTokens(text, limit: 9).wordCount == 2)
    #expect(tokens("Red Shoe") == ["red", "shoe"] && tokens("\u{1F}a=B") == ["a=b"] && tokens("") == [])
  }

  /// Words give way, features do not.
  @Test func aLongTitleCutsNoFeature() {
    let text = "one two three four\u{1F}a=1\u{1F}b=2"
    #expect(tokens(text, limit: 3) == ["one", "a=1", "b=2"])
    #expect(tokens(text, limit: 2) == ["a=1", "b=2"] && tokens(text, limit: 1) == ["a=1"])
  }

  @Test func caseAndSpellingAreFolded() {
    let encoder = HashedEncoder(dimension: 16, maxTokens: 4)
    func states(_ text: String) -> [Float] {
      var states: [Float] = []
      encoder.encode(text, into: &states)
      return states
    }
    #expect(states("\u{1F}Category=CAF\u{C9}") == states("\u{1F}category=cafe\u{301}"))
    #expect(states("\u{1F}category=shoes") != states("category shoes") && states("\u{1F}price=10") != states("\u{1F}price=100"))
    #expect(states("x\u{1F}a=b").count == 2 * 16 && encoder.tokenCount("x\u{1F}a=b") == 2)
    // Each state has a root mean square of 1, as those of words.
    let squares = states("\u{1F}a=b").reduce(0) { $0 + $1 * $1 }
    #expect(abs(squares / 16 - 1) < 1e-5)
  }

  /// A word that looks like a feature's value is not the feature, and features alike in letters are not near each other.
  @Test func featuresAreNotMixedWithWords() {
    let encoder = HashedEncoder(dimension: 512, maxTokens: 4)
    func cosine(_ one: String, _ other: String) -> Float {
      var (left, right): ([Float], [Float]) = ([], [])
      encoder.encode(one, into: &left)
      encoder.encode(other, into: &right)
      return product(left, right) / 512
    }
    #expect(abs(cosine("shoes", "\u{1F}category=shoes")) < 0.2 && abs(cosine("\u{1F}price=10", "\u{1F}price=100")) < 0.2)
    #expect(cosine("shoes", "shoe") > 0.2)
  }

  /// A made-up world in which titles say nothing and the category all: items of one category lie together, others apart.
  @Test func itemsDifferByTheirFeature() throws {
    let categories = ["Shoes", "Hats", "Books", "Toys"]
    let stored = (0..<24).map { "Thing\u{1F}category=\(categories[$0 % 4])" }
    let encoder = HashedEncoder(dimension: 64, maxTokens: 4)
    let means = stored.map { text in
      var states: [Float] = []
      let count = encoder.encode(text, into: &states)
      return (0..<64).map { column in (0..<count).reduce(Float(0)) { $0 + states[$1 * 64 + column] } / Float(count) }
    }
    for one in 0..<24 {
      for other in 0..<one {
        let distance = zip(means[one], means[other]).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(one % 4 == other % 4 ? distance == 0 : distance > 10)
      }
    }
    // Text vectors too: the shared word weighs nothing, the category all.
    var counts = WordCounts()
    for text in stored { counts.count(text) }
    let weights = try counts.shared(on: SoloCommunicator()).weights
    let lexical = LexicalEncoder(dimension: 64, weights: weights)
    let vectors = stored.map { text in
      var vector = [Float](repeating: 0, count: 64)
      lexical.encode(text, into: &vector)
      return vector
    }
    #expect(product(vectors[0], vectors[4]) > 0.99 && abs(product(vectors[0], vectors[1])) < 0.5)
  }

  @Test func distinctWordsNameFeatures() {
    #expect(distinctWords("Red red 7\u{1F}category=Shoes", limit: 9) == ["red", "category=shoes"])
  }
}
