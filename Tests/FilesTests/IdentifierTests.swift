import Files
import Testing

/// Ids are bytes: what Unicode calls the same text is not the same id.
@Suite struct IdentifierTests {
  private let composed = "caf\u{E9}"
  private let decomposed = "cafe\u{301}"

  @Test func equalMeansEqualBytes() {
    // What this type is for: the texts are equal, the ids are not.
    #expect(composed == decomposed && Identifier(composed) != Identifier(decomposed))
    #expect(Identifier(composed) == Identifier("caf\u{E9}") && Identifier(composed).description == composed)
    #expect(Set([composed, decomposed, composed].map { Identifier($0) }).count == 2)
    #expect(["x", decomposed, composed].firstIndex(ofIdentifier: composed) == 2)
    #expect([decomposed].firstIndex(ofIdentifier: composed) == nil)
  }

  @Test(arguments: [
    ("plain", "plain"), ("a,b", "\"a,b\""), ("\"a\"", "\"\"\"a\"\"\""), ("two\nlines", "\"two\nlines\""), ("", ""),
    // To `Character` neither the quote nor the comma is one here.
    ("a\"\u{301},x", "\"a\"\"\u{301},x\""), ("a,\u{301}", "\"a,\u{301}\""), ("a\r\nb", "\"a\r\nb\""),
  ])
  func fieldsAreQuotedByBytes(text: String, expected: String) {
    #expect(Array(CSVField.quoted(text).utf8) == Array(expected.utf8))
  }

  @Test func nothingSteersATerminal() {
    #expect(printable("a\u{1B}[2J\u{85}\u{2028}\u{2029}b\n") == "a\u{FFFD}[2J\u{FFFD}\u{FFFD}\u{FFFD}b\u{FFFD}")
    #expect(printable("Les Misérables 🛒") == "Les Misérables 🛒")
  }

  @Test(arguments: [
    ("a/b-c_1.csv", "a/b-c_1.csv"), ("my file", "'my file'"), ("it's", #"'it'\''s'"#), ("", "''"), ("ü.csv", "ü.csv"),
  ])
  func pathsInCommandsAreOneWord(path: String, expected: String) { #expect(shellWord(path) == expected) }
}
