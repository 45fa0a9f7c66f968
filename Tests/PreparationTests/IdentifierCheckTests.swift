import Testing

@testable import Datasets
@testable import Preparation

@Suite struct IdentifierCheckTests {
  @Test(
    arguments: [
      ([], .emptyID), (Array(repeating: 0x61, count: 1_025), .longID), ([0x61, 0xFF], .encoding), ([0xC3], .encoding),
      ([0x61, 0x0A], .control), ([0x00], .control), ([0x7F], .control), (Array("a\u{85}".utf8), .control),
      // Python's splitlines ends a line at each of these, so a list of ids would be off by one.
      (Array("a\u{B}".utf8), .control), (Array("a\u{C}b".utf8), .control), (Array("\u{1C}".utf8), .control),
      (Array("\u{1D}".utf8), .control), (Array("\u{1E}".utf8), .control), (Array("a\u{2028}b".utf8), .control),
      (Array("\u{2029}".utf8), .control), (Array("\u{FEFF}a".utf8), .control), ([0x61, 0xED, 0xA0, 0x80], .encoding),
    ] as [([UInt8], BadRowKind)])
  func refuses(bytes: [UInt8], kind: BadRowKind) {
    #expect(bytes.withUnsafeBytes { IdentifierCheck.problem($0, "user")?.kind } == kind)
  }

  @Test(arguments: [
    "a", " ", "user 1", "用户", "🛒", "a,b\"c", "a\u{301}", "a\u{FEFF}b", "\u{FFFD}", String(repeating: "x", count: 1_024),
  ])
  func allowsAnyOtherText(id: String) {
    #expect(Array(id.utf8).withUnsafeBytes { IdentifierCheck.problem($0, "user") } == nil)
  }

  @Test func idsOfAnEarlierDataSetStay() {
    let old = Array("a\u{2028}b".utf8)
    #expect(old.withUnsafeBytes { IdentifierCheck.problem($0, "user", isPrepared: true) } == nil)
    #expect(
      ([0x61, 0x0A] as [UInt8]).withUnsafeBytes { IdentifierCheck.problem($0, "user", isPrepared: true)?.kind } == .control)
    #expect(IdentifierLines.cannotHold("a\u{2028}b") && !IdentifierLines.cannotHold("a b\u{301}"))
  }
}
