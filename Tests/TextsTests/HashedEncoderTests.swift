import Testing

@testable import Texts

struct HashedEncoderTests {
  private let encoder = HashedEncoder(dimension: 128, maxTokens: 16)

  private func states(_ text: String) -> [[Float]] {
    var values: [Float] = []
    let count = encoder.encode(text, into: &values)
    return (0..<count).map { Array(values[$0 * 128..<($0 + 1) * 128]) }
  }

  private func mean(_ text: String) -> [Float] {
    states(text).reduce([Float](repeating: 0, count: 128)) { zip($0, $1).map(+) }
  }

  private func cosine(_ first: [Float], _ second: [Float]) -> Float {
    func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    return dot(first, second) / (dot(first, first) * dot(second, second)).squareRoot()
  }

  @Test func sharedWordsAndPiecesBringTextsTogether() {
    let sharing = cosine(mean("The Godfather"), mean("Godfather Part II"))
    let apart = cosine(mean("The Godfather"), mean("Toy Story"))
    #expect(sharing > apart + 0.3)
    let pieces = cosine(states("children")[0], states("childrens")[0])
    let unrelated = cosine(states("children")[0], states("animation")[0])
    #expect(pieces > 0.25)
    #expect(abs(unrelated) < 0.3)
    #expect(cosine(states("children")[0], states("Children's toys")[0]) == pieces)
  }

  @Test func aWordHasOneStateWhereverItStands() {
    #expect(states("Toy Story")[1] == states("story, (a) toy!")[0])
    #expect(states("Toy Story")[0] == states("story, (a) toy!")[2])
  }

  @Test func valuesNeverChange() {
    // Data sets on disk depend on these very numbers.
    let found = states("story")[0].prefix(4)
    #expect(found.elementsEqual(Self.storyStart), "\(Array(found))")
  }

  private static let storyStart: [Float] = [0.11417413, 1.2355962, 1.1344507, 0.15529628]

  @Test func statesAreNearlyStandardNormal() {
    let words = (0..<400).flatMap { states("word\($0 * 7919) \($0)x") }
    let values = words.flatMap { $0 }
    let count = Float(values.count)
    let mean = values.reduce(0, +) / count
    let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count
    #expect(abs(mean) < 0.02)
    #expect(abs(fourth - 3) < 0.4)
    for word in words {
      let square = word.reduce(0) { $0 + $1 * $1 } / 128
      #expect(abs(square - 1) < 1e-4)
    }
  }

  @Test func emptyTextHasNoTokens() {
    #expect(states("").isEmpty)
    #expect(states(" ... ").isEmpty)
    #expect(encoder.tokenCount("") == 0)
  }

  @Test func longTextsAreCut() {
    let text = (0..<100).map { "word\($0)" }.joined(separator: " ")
    #expect(states(text).count == 16)
    #expect(encoder.tokenCount(text) == 16)
    #expect(states(text)[15] == states("word15")[0])
  }

  @Test func aVeryLongWordIsOneToken() {
    let long = String(repeating: "ab", count: 100_000)
    #expect(states(long).count == 1)
    #expect(states(long)[0] != states(long + "c")[0])
  }

  @Test func appendsBehindWhatIsThere() {
    var values: [Float] = [7]
    let count = HashedEncoder(dimension: 1, maxTokens: 2).encode("one two three", into: &values)
    #expect(count == 2)
    #expect(values.count == 3)
    #expect(values[0] == 7)
  }

  @Test func aWordMetBeforeHasTheSameState() {
    let titles = ["red boat", "blue boat boat", "red", "a very red boat 字"]
    let seasoned = HashedEncoder(dimension: 24, maxTokens: 8)
    for title in titles + titles {
      var (first, again): ([Float], [Float]) = ([], [])
      HashedEncoder(dimension: 24, maxTokens: 8).encode(title, into: &first)
      seasoned.encode(title, into: &again)
      #expect(first == again && !first.isEmpty)
    }
    #expect(seasoned == HashedEncoder(dimension: 24, maxTokens: 8))
  }
}
