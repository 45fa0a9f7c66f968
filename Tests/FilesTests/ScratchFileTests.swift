import Files
import Foundation
import TestSupport
import Testing

@Suite struct ScratchFileTests {
  @Test func readsAndMapsWhatWasAppendedAndLeavesNoName() throws {
    let folder = try TemporaryFolder()
    let file = try ScratchFile(folder: folder.path)
    let data = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) })
    for part in [data.prefix(1), data[1..<100_000], data[100_000...]] { try part.withUnsafeBytes { try file.append($0) } }
    #expect(file.size == data.count)
    #expect(try folder.names().isEmpty)
    var some = Data(count: 1_000)
    try some.withUnsafeMutableBytes { try file.read(into: $0, at: 99_500) }
    #expect(some == data[99_500..<100_500])
    let mapped = try file.map()
    mapped[5] = 77
    file.release(0..<data.count)
    #expect(mapped[5] == 77 && mapped[299_999] == data[299_999])
  }

  @Test func twoInOneFolderAreApart() throws {
    let folder = try TemporaryFolder()
    let (first, second) = (try ScratchFile(folder: folder.path), try ScratchFile(folder: folder.path))
    try [1, 2].withUnsafeBytes { try first.append($0) }
    #expect(second.size == 0)
    #expect(try second.map().isEmpty)
  }

  @Test func saysWhereItCannotBeMade() throws {
    let folder = try TemporaryFolder()
    #expect(
      throws: InputError("cannot create a scratch file in \(folder.file("none")): No such file or directory; is the path right?")
    ) {
      try ScratchFile(folder: folder.file("none"))
    }
  }
}
