import Testing

@testable import Datasets

@Suite struct IdentifierCheckTests {
  @Test(
    arguments: [
      ([], .emptyID), (Array(repeating: 0x61, count: 1_025), .longID), ([0x61, 0xFF], .encoding), ([0xC3], .encoding),
      ([0x61, 0x0A], .control), ([0x00], .control), ([0x7F], .control), (Array("a\u{85}".utf8), .control),
    ] as [([UInt8], BadRowKind)])
  func refuses(bytes: [UInt8], kind: BadRowKind) {
    #expect(bytes.withUnsafeBytes { IdentifierCheck.problem($0, "user")?.kind } == kind)
  }

  @Test(arguments: ["a", " ", "user 1", "用户", "🛒", "a,b\"c", String(repeating: "x", count: 1_024)])
  func allowsAnyOtherText(id: String) {
    #expect(Array(id.utf8).withUnsafeBytes { IdentifierCheck.problem($0, "user") } == nil)
  }
}
