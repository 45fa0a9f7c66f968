import Files
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  @Test func appearsWholeOnCommitOnly() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.txt", "old")
    var file = try AtomicFile(path: path)
    try file.write("new ")
    try file.write("text")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    try file.commit()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "new text")
    #expect(try folder.names() == ["a.txt"])
  }

  @Test func withoutCommitNothingIsLeft() throws {
    let folder = try TemporaryFolder()
    do {
      var file = try AtomicFile(path: folder.file("a.txt"))
      try file.write("half")
      #expect(try folder.names().count == 1)
    }
    #expect(try folder.names().isEmpty)
  }

  @Test func writesOfEverySizeKeepTheirOrder() throws {
    let folder = try TemporaryFolder()
    let parts = [1, 0, 262_143, 262_144, 3, 700_000, 262_145, 5].enumerated().map {
      Data(repeating: UInt8($0.offset + 1), count: $0.element)
    }
    var file = try AtomicFile(path: folder.file("a"))
    for part in parts { try part.withUnsafeBytes { try file.write($0) } }
    try file.commit()
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("a"))) == parts.reduce(Data(), +))
  }

  @Test func saysWhichFileItCannotCreate() throws {
    let folder = try TemporaryFolder()
    #expect(throws: InputError("cannot create \(folder.path)/none/a: No such file or directory")) {
      _ = try AtomicFile(path: folder.file("none/a"))
    }
    #expect(throws: InputError.self) { _ = try AtomicFile(path: folder.path + "/") }
  }

  @Test func aFolderInTheWayIsRefusedAndKept() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("a"), withIntermediateDirectories: false)
    #expect(throws: InputError.self) {
      let file = try AtomicFile(path: folder.file("a"))
      try file.commit()
    }
    #expect(try folder.names() == ["a"])
  }
}
