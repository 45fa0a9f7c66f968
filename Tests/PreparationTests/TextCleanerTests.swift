import Testing

@testable import Preparation

@Suite struct TextCleanerTests {
  @Test(arguments: [
    ("  a \t b\n\u{0}c  ", false, "a b c"), ("Tom &amp; Jerry&#39;s &#x201C;x&quot;", true, "Tom & Jerry's “x\""),
    ("Tom &amp; Jerry", false, "Tom &amp; Jerry"), ("a & b &nothing; &#xFFFFFFFFF; &", true, "a & b &nothing; &#xFFFFFFFFF; &"),
    ("a&nbsp;&nbsp;b", true, "a b"), ("", true, ""),
  ])
  func cleans(text: String, html: Bool, expected: String) {
    #expect(Array(text.utf8).withUnsafeBytes { TextCleaner.clean($0, unescapesHTML: html) } == expected)
  }

  @Test func saysWhatIsNotUTF8() {
    func isUTF8(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { TextCleaner.isUTF8($0) } }
    #expect(isUTF8([]) && isUTF8(Array("é".utf8)) && !isUTF8([0xE9]) && !isUTF8([0x61, 0xED, 0xA0, 0x80]))
    // Half a surrogate pair becomes one U+FFFD, as everywhere.
    let half: [UInt8] = [0x61, 0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80, 0xFF]
    #expect(half.withUnsafeBytes { TextCleaner.clean($0, unescapesHTML: false) } == "a\u{FFFD}\u{FFFD}\u{FFFD}")
  }

  @Test func repairsWhatIsNotUTF8() {
    #expect(
      [0x61, 0xFF, 0x62].withUnsafeBytes { TextCleaner.clean(UnsafeRawBufferPointer(rebasing: $0[0..<1]), unescapesHTML: false) }
        == "a")
    #expect(
      [UInt8](arrayLiteral: 0x61, 0xFF, 0x62).withUnsafeBytes { TextCleaner.clean($0, unescapesHTML: false) } == "a\u{FFFD}b")
  }
}
