import Collectives
import Testing

@testable import Texts

struct LexicalEncoderTests {
  private static let width = 256
  private let encoder: LexicalEncoder

  /// "the" stands in 9 of 12 texts, "ruby" and "harbor" in two each.
  init() throws {
    var counts = WordCounts()
    for text in (0..<7).map({ "the thing\($0)" }) + ["the ruby", "the harbor", "ruby stone", "harbor wall", "plain"] {
      counts.count(text)
    }
    encoder = LexicalEncoder(dimension: Self.width, weights: try counts.shared(on: SoloCommunicator()).weights)
  }

  private func vector(_ text: String) -> [Float] {
    // What stood there before does not count.
    var vector = [Float](repeating: .nan, count: Self.width)
    encoder.encode(text, into: &vector)
    return vector
  }

  private func product(_ one: String, _ other: String) -> Float { zip(vector(one), vector(other)).reduce(0) { $0 + $1.0 * $1.1 } }

  @Test func vectorsHaveLengthOne() {
    for text in ["ruby", "The ruby stone", "a text of words that no other text has", "thing1 thing1 thing1"] {
      #expect(abs(product(text, text) - 1) < 1e-5, "\(text)")
    }
  }

  @Test func equalTextsHaveEqualVectors() {
    #expect(vector("The ruby stone") == vector("the RUBY, stone!"))
    // The order of words does not count, but the order of a sum does in the last digit.
    #expect(abs(product("the ruby stone", "stone the ruby") - 1) < 1e-5)
    #expect(vector("ruby") != vector("harbor"))
  }

  @Test func aRareSharedWordCountsMoreThanACommonOne() {
    let rare = product("the ruby", "old ruby")
    let common = product("the ruby", "the harbor")
    #expect(rare > common + 0.3, "\(rare), \(common)")
    #expect(abs(product("ruby stone", "harbor wall")) < 0.3)
  }

  @Test(arguments: ["", " ... ?! "])
  func aTextWithoutAWordIsZeros(text: String) {
    #expect(vector(text) == [Float](repeating: 0, count: Self.width))
  }

  @Test func aTextOfWordsThatSayNothingIsZeros() throws {
    var counts = WordCounts()
    for text in ["red boat", "red car"] { counts.count(text) }
    var vector = [Float](repeating: 1, count: 8)
    LexicalEncoder(dimension: 8, weights: try counts.shared(on: SoloCommunicator()).weights).encode("red red", into: &vector)
    #expect(vector == [Float](repeating: 0, count: 8))
  }

  @Test func wordsBehindTheLimitAreNotRead() {
    let long = (0..<LexicalEncoder.mostWords).map { "word\($0)" }.joined(separator: " ")
    #expect(vector(long) == vector(long + " ruby"))
    #expect(vector(long) != vector("ruby " + long))
  }
}
