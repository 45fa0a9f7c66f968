import Testing

@testable import Texts

struct WordSplitterTests {
  private func words(_ text: String, limit: Int = 16) -> [String] {
    let splitter = WordSplitter(text, limit: limit)
    return splitter.words.map { range in
      String(String.UnicodeScalarView(splitter.scalars[range].compactMap(Unicode.Scalar.init)))
    }
  }

  @Test(
    arguments: [
      ("Toy Story (1995) | Animation, Children's", ["toy", "story", "1995", "animation", "childrens"]),
      ("", []),
      (" -- ?! ", []),
      ("500ml/2-pack", ["500ml", "2", "pack"]),
      ("ÉCOLE Straße", ["école", "straße"]),
      ("e\u{301}cole", ["école"]),
      ("ＡＢＣ １２", ["abc", "12"]),
      ("東京タワー", ["東", "京", "タワー"]),
      ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
      ("Иван Грозный", ["иван", "грозный"]),
      ("rock ’n’ roll", ["rock", "n", "roll"]),
      ("a\u{0}b🙂c", ["a", "b", "c"]),
    ] as [(String, [String])])
  func splits(text: String, expected: [String]) {
    #expect(words(text) == expected)
  }

  @Test func stopsAtTheLimit() {
    #expect(words("one two three", limit: 2) == ["one", "two"])
    #expect(words("one two", limit: 2) == ["one", "two"])
    // An ideograph ends the word before it and is one itself: two words in one step.
    #expect(words("ab字", limit: 1) == ["ab"])
    #expect(words("字ab字", limit: 2) == ["字", "ab"])
    #expect(HashedEncoder(dimension: 2, maxTokens: 1).tokenCount("ab字") == 1)
  }

  @Test func distinctWordsLeaveNumbersAndRepeatsOut() {
    #expect(distinctWords("Zelda 2, the ZELDA 500ml é", limit: 16) == ["zelda", "the", "500ml", "é"])
    #expect(distinctWords("one two three", limit: 2) == ["one", "two"])
    #expect(distinctWords("1 2", limit: 16) == [])
  }
}
