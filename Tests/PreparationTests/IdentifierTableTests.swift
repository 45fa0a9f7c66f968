import Testing

@testable import Preparation

@Suite struct IdentifierTableTests {
  private func intern(_ table: IdentifierTable, _ id: String) throws -> Int {
    try Array(id.utf8).withUnsafeBytes { try table.intern($0) }
  }

  @Test func numbersInOrderOfFirstAppearanceThroughGrowth() throws {
    let table = IdentifierTable()
    let ids = (0..<20_000).map { "user-\($0 &* 7_919 % 20_000)" + String(repeating: "x", count: $0 % 23) }
    for (number, id) in ids.enumerated() { #expect(try intern(table, id) == number) }
    for (number, id) in ids.enumerated().reversed() { #expect(try intern(table, id) == number) }
    #expect(table.count == ids.count)
    #expect((0..<ids.count).allSatisfy { table.string($0) == ids[$0] })
  }

  @Test func tellsApartWhatNearlyLooksTheSame() throws {
    let table = IdentifierTable()
    let ids = ["", "\0", "\0\0", "a", "a\0", "abcdefgh", "abcdefgh\0", "abcdefghi", "bcdefgha", "A", "é", "e\u{301}"]
    for (number, id) in ids.enumerated() { #expect(try intern(table, id) == number) }
    #expect(Array("absent".utf8).withUnsafeBytes { table.find($0).index } == nil)
  }
}
