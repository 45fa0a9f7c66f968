import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct TemporaryTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let random = "0123456789abc"

  @Test func whatWasAbandonedGoesAndNothingElse() throws {
    let abandoned = ".a.\(random).precise-tmp"
    let others = [".a.backup.precise-tmp", ".a.\(random).tmp", ".b.\(random).precise-tmp", "a.\(random).precise-tmp", ".a."]
    for name in others { try folder.write(name, "theirs") }
    try folder.write(abandoned, "half")
    // A folder goes by the lock beside it.
    let lock = ".a.\(String(random.reversed())).precise-tmp"
    try folder.write(lock, "")
    try FileManager.default.createDirectory(atPath: folder.file("\(lock)-folder/deep/er"), withIntermediateDirectories: true)
    var file = try AtomicFile(path: folder.file("a"))
    try file.write("x")
    try file.commit()
    #expect(try folder.names() == (others + ["a"]).sorted())
  }

  @Test func whatALivingOwnerMakesStays() throws {
    let own = try #require(Temporary.folder(for: "a", in: folder.path))
    try Data("x".utf8).write(to: URL(fileURLWithPath: own.path + "/inside"))
    let file = try #require(Temporary.file(for: "a", in: folder.path))
    Temporary.removeAbandoned(of: "a", in: folder.path)
    // The folder, its lock, the file.
    #expect(try folder.names().count == 3)
    // As if their owner had died: the lock goes with the descriptor.
    withExtendedLifetime((own, file)) {
      for descriptor in [own.descriptor, file.descriptor] { flock(descriptor, LOCK_UN) }
      Temporary.removeAbandoned(of: "a", in: folder.path)
    }
    #expect(try folder.names().isEmpty)
  }

  /// Makers and removers of one name at once, as many short commands would be.
  @Test func makersAndRemoversDoNotMeet() async throws {
    let folder = folder
    try await withThrowingTaskGroup(of: Void.self) { group in
      for maker in 0..<4 {
        group.addTask {
          for round in 0..<50 {
            let own = try #require(Temporary.folder(for: "a", in: folder.path))
            try Data("x".utf8).write(to: URL(fileURLWithPath: own.path + "/inside"))
            Temporary.removeAbandoned(of: "a", in: folder.path)
            #expect(FileManager.default.fileExists(atPath: own.path + "/inside"), "\(maker), \(round)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try folder.names().isEmpty)
  }

  @Test func aFolderThatStoodAsideComesBack() throws {
    try FileManager.default.createDirectory(atPath: folder.file(".d.\(random).precise-old"), withIntermediateDirectories: true)
    try folder.write(".d.\(random).precise-old/whole", "x")
    Temporary.removeAbandoned(of: "d", in: folder.path)
    #expect(try folder.names() == ["d"])
    try FileManager.default.createDirectory(atPath: folder.file(".d.\(random).precise-old"), withIntermediateDirectories: true)
    Temporary.removeAbandoned(of: "d", in: folder.path)
    #expect(try folder.names() == ["d"])
    #expect(FileManager.default.fileExists(atPath: folder.file("d/whole")))
  }

  @Test func aLongNameHasATemporaryOneToo() throws {
    let name = String(repeating: "n", count: 250)
    var file = try AtomicFile(path: folder.file(name))
    try file.write("x")
    try file.commit()
    #expect(try folder.names() == [name])
  }
}
