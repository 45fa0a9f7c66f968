import Files
import TestSupport
import Testing

@testable import Reports

struct HtmlTests {
  static let hostile = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "&lt;b&gt; &amp;", "<\u{301}b>",
    "a\nb\tc\u{7}", "\u{202E}txt.exe", "]]>--><!--", "</title></style></svg><script>", "javascript:alert(1)",
  ]

  @Test(arguments: hostile) func aTextStaysAText(_ text: String) {
    let html = Html(.p, [.style(text), Html.Attribute("data-path", text)], [.text(text), Html.name(text)]).text
    let page = ReportPage(html)
    #expect(page.elements.map(\.name) == ["p", "bdi"], "\(html)")
    #expect(page.elements[0].attributes["data-path"] == text && page.elements[0].attributes["class"] == text)
    // Between elements a control character is one that can be seen.
    let shown = String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? "\u{FFFD}" : $0 }))
    #expect(page.texts[0] == shown && page.texts[1] == shown)
  }

  @Test func elementsAreClosedAndVoidOnesAreNot() {
    let html = Html(.div, [.id("x")], [Html(.br), Html(.p, text: "a"), .nothing, .all([.text("b"), Html(.em, text: "c")])])
    #expect(html.text == "<div id=\"x\"><br><p>a</p>\nb<em>c</em></div>\n")
  }

  @Test func anElementWithoutLettersIsNoText() {
    #expect(Html.text("a < b & \"c\"").text == "a &lt; b &amp; &quot;c&quot;")
    #expect(Html(.p, [.style("\u{0}\u{1}\u{85}")]).text == "<p class=\"\u{FFFD}&#1;\u{FFFD}\"></p>\n")
  }

  @Test func pointersAreEscaped() throws {
    #expect(RecordedNumber.pointer(["universal", "a/b", "c~d", ""]) == "/universal/a~1b/c~0d/")
    let number = try #require(RecordedNumber(run: 1, file: "f", path: ["x"], value: .double(0.1 + 0.2)))
    #expect(number.text == "0.30000000000000004" && number.rounded(4) == "0.3000" && number.count == "0.300")
    #expect(RecordedNumber(run: 0, file: "f", path: [], value: .double(.nan)) == nil)
    #expect(RecordedNumber(run: 0, file: "f", path: [], value: .string("1")) == nil)
    #expect(RecordedNumber(run: 0, file: "f", path: [], value: .int(12_345))?.count == "12,345")
  }
}
