import Files
import Foundation
import Preparation
import Synchronization
import TestSupport
import Testing

@testable import Datasets

@Suite struct OutputFolderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func build(_ name: String, item: String, overwrite: Bool = false) throws -> Dataset {
    var builder = DatasetBuilder()
    builder.options.overwrite = overwrite
    builder.addEvent(user: "u", item: item, seconds: 1)
    return try builder.write(to: folder.file(name))
  }

  @Test func makesParentsAndTakesAnEmptyFolder() throws {
    #expect(try build("a/b/c/", item: "x").items.id(0) == "x")
    try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: false)
    #expect(try build("empty", item: "y").items.id(0) == "y")
    #expect(try folder.names() == ["a", "empty"])
  }

  @Test func replacesADataSetOnlyWhenTold() throws {
    _ = try build("d", item: "old")
    #expect(
      throws: InputError("\(folder.file("d")) is a data set already; give --overwrite to replace it or name another folder")
    ) {
      try build("d", item: "new")
    }
    #expect(try Dataset(path: folder.file("d")).items.id(0) == "old")
    #expect(try build("d", item: "new", overwrite: true).items.id(0) == "new")
    #expect(try folder.names() == ["d"])
  }

  @Test func neverReplacesAnythingElse() throws {
    try FileManager.default.createDirectory(atPath: folder.file("home"), withIntermediateDirectories: false)
    try folder.write("home/letter", "dear")
    try folder.write("file", "x")
    for name in ["home", "file", "."] { #expect(throws: InputError.self) { try build(name, item: "x", overwrite: true) } }
    #expect(try String(contentsOfFile: folder.file("home/letter"), encoding: .utf8) == "dear")
    #expect(try folder.names() == ["file", "home"])
  }

  @Test func aFailureLeavesTheOldDataSetWhole() throws {
    _ = try build("d", item: "old")
    #expect(throws: InputError.self) { try build("d", item: "bad\n", overwrite: true) }
    try Dataset(path: folder.file("d")).verifyChecksums()
    #expect(try folder.names() == ["d"])
  }

  @Test func aLinkToAFolderStandsForIt() throws {
    try FileManager.default.createDirectory(atPath: folder.file("disk"), withIntermediateDirectories: false)
    symlink("disk", folder.file("d"))
    #expect(try build("d", item: "x").items.id(0) == "x")
    #expect(try build("d/", item: "y", overwrite: true).items.id(0) == "y")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("d")) == "disk")
    #expect(try Dataset(path: folder.file("disk")).items.id(0) == "y")
    #expect(try folder.names() == ["d", "disk"])
  }

  @Test func whatAPersonPutIntoADataSetIsNotLost() throws {
    _ = try build("d", item: "old")
    try folder.write("d/notes.txt", "mine")
    let error = #expect(throws: InputError.self) { try build("d", item: "new", overwrite: true) }
    #expect(error?.description.contains("other things in it (notes.txt)") == true)
    #expect(try Dataset(path: folder.file("d")).items.id(0) == "old")
    try FileManager.default.removeItem(atPath: folder.file("d/notes.txt"))
    // A manifest of something else does not make a folder a data set.
    try folder.write("d/manifest.json", "{\"format\": \"web-app\"}")
    #expect(throws: InputError.self) { try build("d", item: "new", overwrite: true) }
    #expect(try folder.names() == ["d"])
  }

  @Test func oneOfTheTwoAlwaysStands() throws {
    _ = try build("d", item: "0")
    let manifest = folder.file("d/manifest.json")
    let isDone = Mutex(false)
    let missing = Mutex(0)
    let watcher = Thread {
      while !isDone.withLock({ $0 }) {
        if access(manifest, F_OK) != 0 { missing.withLock { $0 += 1 } }
      }
    }
    watcher.start()
    for round in 1...50 { #expect(try build("d", item: "\(round)", overwrite: true).items.id(0) == "\(round)") }
    isDone.withLock { $0 = true }
    #expect(missing.withLock { $0 } == 0)
    #expect(try folder.names() == ["d"])
  }
}
