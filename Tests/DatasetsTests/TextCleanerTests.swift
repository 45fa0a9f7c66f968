import Testing

@testable import Datasets

@Suite struct TextCleanerTests {
  @Test(arguments: [
    ("  a \t b\n\u{0}c  ", false, "a b c"), ("Tom &amp; Jerry&#39;s &#x201C;x&quot;", true, "Tom & Jerry's “x\""),
    ("Tom &amp; Jerry", false, "Tom &amp; Jerry"), ("a & b &nothing; &#xFFFFFFFFF; &", true, "a & b &nothing; &#xFFFFFFFFF; &"),
    ("a&nbsp;&nbsp;b", true, "a b"), ("", true, ""),
  ])
  func cleans(text: String, html: Bool, expected: String) {
    #expect(Array(text.utf8).withUnsafeBytes { TextCleaner.clean($0, unescapesHTML: html) } == expected)
  }

  @Test func repairsWhatIsNotUTF8() {
    #expect(
      [0x61, 0xFF, 0x62].withUnsafeBytes { TextCleaner.clean(UnsafeRawBufferPointer(rebasing: $0[0..<1]), unescapesHTML: false) }
        == "a")
    #expect(
      [UInt8](arrayLiteral: 0x61, 0xFF, 0x62).withUnsafeBytes { TextCleaner.clean($0, unescapesHTML: false) } == "a\u{FFFD}b")
  }
}
