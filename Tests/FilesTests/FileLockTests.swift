import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct FileLockTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func oneHolderAtATime() throws {
    let path = folder.file("lock")
    var first: FileLock? = try FileLock(path: path, waits: false)
    first?.write(Data("who".utf8))
    #expect(throws: FileLock.Refusal.self) { try FileLock(path: path, waits: false) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "who")
    first = nil
    #expect(FileLock.isHeld(path) == false && FileLock.isHeld(folder.file("none")) == false)
    let second = try FileLock(path: path, waits: true)
    #expect(FileLock.isHeld(path) == true)
    withExtendedLifetime(second) {}
    #expect(try folder.names() == ["lock"])
  }

  @Test func whatCannotBeLockedIsSaid() throws {
    do {
      _ = try FileLock(path: folder.file("none/lock"), waits: false)
      Issue.record("it was locked")
    } catch .closed(let reason) {
      #expect(reason == "No such file or directory")
    } catch {
      Issue.record("\(error)")
    }
    // A link could lead anywhere.
    symlink("elsewhere", folder.file("link"))
    #expect(throws: FileLock.Refusal.self) { try FileLock(path: folder.file("link"), waits: false) }
    #expect(try folder.names() == ["link"])
  }

  @Test func waitersComeOneAfterTheOther() async throws {
    let path = folder.file("lock")
    let counter = folder.file("counter")
    try Data("0".utf8).write(to: URL(fileURLWithPath: counter))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let lock = try FileLock(path: path, waits: true)
          let count = Int(try String(contentsOfFile: counter, encoding: .utf8)) ?? -1
          try Data("\(count + 1)".utf8).write(to: URL(fileURLWithPath: counter))
          withExtendedLifetime(lock) {}
        }
      }
      try await group.waitForAll()
    }
    #expect(try String(contentsOfFile: counter, encoding: .utf8) == "8")
  }

  /// A refusal closes its own descriptor once: the number may be somebody else's by then.
  @Test func refusalsCloseNothingOfOthers() throws {
    let path = folder.file("lock")
    let lock = try FileLock(path: path, waits: false)
    for _ in 0..<200 {
      #expect(throws: FileLock.Refusal.self) { try FileLock(path: path, waits: false) }
      #expect(throws: FileLock.Refusal.self) { try FileLock(path: folder.file("none/lock"), waits: false) }
      #expect(FileHold(path: folder.file("none")) == nil)
      let mine = open(path, O_RDONLY)
      #expect(mine >= 0 && fcntl(mine, F_GETFD) >= 0)
      close(mine)
    }
    #expect(FileLock.isHeld(path) == true)
    withExtendedLifetime(lock) {}
  }

  @Test func whatIsHeldIsNotTouched() throws {
    let path = try folder.write("file", "x")
    var touched = 0
    var holds = [FileHold(path: path), FileHold(path: path)]
    #expect(holds.allSatisfy { $0 != nil })
    FileHold.unlessHeld(path) { touched += 1 }
    holds[0] = nil
    FileHold.unlessHeld(path) { touched += 1 }
    #expect(touched == 0)
    holds = []
    FileHold.unlessHeld(path) { touched += 1 }
    FileHold.unlessHeld(folder.file("none")) { touched += 1 }
    #expect(touched == 2)
    #expect(FileHold(path: folder.file("none")) == nil)
  }

  @Test func pathsAreComparedAsTheSystemSeesThem() throws {
    try FileManager.default.createDirectory(atPath: folder.file("real/sub"), withIntermediateDirectories: true)
    symlink("real", folder.file("link"))
    let real = CanonicalPath(folder.file("real"))
    #expect(CanonicalPath(folder.file("link/")) == real)
    #expect(CanonicalPath(folder.file("link/sub/none/deeper")).isInside(real))
    #expect(CanonicalPath(folder.file("link/../real/./sub")).isInside(real))
    #expect(!CanonicalPath(folder.file("realm")).isInside(real))
    #expect(!real.isInside(CanonicalPath(folder.file("real/sub"))))
    #expect(real.isInside(CanonicalPath("/")))
  }
}
