import Foundation
import TestSupport
import Testing

@testable import Files

/// A file that several writers fill.
struct FilePartTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ text: String, at place: Int, _ part: borrowing FilePart) throws {
    try part.move(to: place)
    try Array(text.utf8).withUnsafeBytes { try part.write($0) }
  }

  @Test func partsMakeOneFile() throws {
    var file = try AtomicFile(path: folder.file("f"))
    let place = try file.share(size: 9)
    let one = try FilePart(path: place)
    let other = try FilePart(path: place)
    try write("ghi", at: 6, other)
    try write("abc", at: 0, one)
    try write("def", at: 3, other)
    try one.flush()
    try other.flush()
    #expect(!FileManager.default.fileExists(atPath: folder.file("f")))
    try file.commit()
    #expect(try String(contentsOfFile: folder.file("f"), encoding: .utf8) == "abcdefghi")
    #expect(try folder.names() == ["f"])
  }

  @Test func withoutCommitNothingIsLeft() throws {
    try folder.write("f", "old")
    do {
      var file = try AtomicFile(path: folder.file("f"))
      let part = try FilePart(path: try file.share(size: 100))
      try write("new", at: 50, part)
    }
    #expect(try String(contentsOfFile: folder.file("f"), encoding: .utf8) == "old")
    #expect(try folder.names() == ["f"])
  }

  /// What a rank says whose host has another disk under that path.
  @Test func aFileThatIsNotThereIsOneSentence() throws {
    let error = #expect(throws: InputError.self) { _ = try FilePart(path: folder.file("none")) }
    #expect(error?.description.hasSuffix("none: it was just made, but is not here; all ranks need the same file system") == true)
    #expect(try folder.names().isEmpty)
  }

  @Test func aDeviceHasNoPlaces() throws {
    try FileManager.default.createSymbolicLink(atPath: folder.file("null"), withDestinationPath: "/dev/null")
    var file = try AtomicFile(path: folder.file("null"))
    #expect(throws: InputError.self) { _ = try file.share(size: 3) }
  }
}
