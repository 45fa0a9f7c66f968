import CHost
import Foundation
import TestSupport
import Testing

@testable import Files

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

  @Test func twoWritersOfOneNameDoNotMeet() throws {
    let folder = try TemporaryFolder()
    // As another container would leave it, whose process has the same number and has made as many files.
    for serial in 0..<50 { try folder.write(".a.\(getpid())-\(serial).tmp", "theirs") }
    let theirs = try folder.names()
    var one = try AtomicFile(path: folder.file("a"))
    var two = try AtomicFile(path: folder.file("a"))
    try one.write("one")
    try two.write("two")
    try one.commit()
    #expect(try String(contentsOfFile: folder.file("a"), encoding: .utf8) == "one")
    try two.commit()
    #expect(try String(contentsOfFile: folder.file("a"), encoding: .utf8) == "two")
    #expect(try folder.names() == (theirs + ["a"]).sorted())
    for name in theirs { #expect(try String(contentsOfFile: folder.file(name), encoding: .utf8) == "theirs") }
  }

  @Test func aFolderThatCannotBeFlushedIsNoUnchangedFile() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", "old")
    var file = try AtomicFile(path: path)
    try file.write("new")
    let sentence = "\(path) is in place, but a power cut may still undo that: cannot flush it"
    do {
      try file.commit { _ in throw InputError("cannot flush it") }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error as? InputError == InputError(sentence))
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    #expect(try folder.names() == ["a"])
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

  @Test func pastTheCacheBytesAreTheSame() throws {
    let folder = try TemporaryFolder()
    let buffer = AtomicFile.directBufferSize
    for sizes in [[], [1], [buffer], [buffer - 1, 2], [5, 3 * buffer, 4096, 777], [2 * buffer + 4096]] {
      let parts = sizes.enumerated().map { Data(repeating: UInt8($0.offset + 1), count: $0.element) }
      var file = try AtomicFile(path: folder.file("a"), bypassesCache: true)
      for part in parts { try part.withUnsafeBytes { try file.write($0) } }
      try file.commit()
      #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("a"))) == parts.reduce(Data(), +))
    }
    #expect(try folder.names() == ["a"])
  }

  /// A system that refuses a call past its cache, here because the file stands within a block, gets the bytes through it.
  @Test func whatTheDiskDoesNotFetchGoesThroughTheCache() throws {
    let folder = try TemporaryFolder()
    var file = try AtomicFile(path: folder.file("a"), bypassesCache: true)
    let temporary = try #require(try folder.names().first)
    let number = try #require(
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").first {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasSuffix("/" + temporary) == true
      }.flatMap { Int32($0) })
    lseek(number, 3, SEEK_SET)
    let bytes = Data(repeating: 7, count: 2 * AtomicFile.directBufferSize + 1)
    try bytes.withUnsafeBytes { try file.write($0) }
    try file.commit()
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("a"))) == Data(repeating: 0, count: 3) + bytes)
  }

  @Test func theCacheIsPassedWhereTheFileSystemCan() throws {
    let folder = try TemporaryFolder()
    let descriptor = open(try folder.write("probe", ""), O_WRONLY)
    defer { close(descriptor) }
    let direct = try AtomicFile(path: folder.file("a"), bypassesCache: true)
    let plain = try AtomicFile(path: folder.file("b"))
    let (isDirect, isPlainDirect, canBe) = (direct.isDirect, plain.isDirect, chost_set_direct(descriptor, 1) == 0)
    #expect(isDirect == canBe && !isPlainDirect)
  }

  @Test func standardDevicesAreNeverWrittenPastTheCache() throws {
    let file = try AtomicFile(path: "/dev/null", bypassesCache: true)
    let isDirect = file.isDirect
    try file.commit()
    #expect(!isDirect)
  }

  @Test func saysWhichFileItCannotCreate() throws {
    let folder = try TemporaryFolder()
    #expect(throws: InputError("cannot create \(folder.path)/none/a: No such file or directory; is the path right?")) {
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
