import Config
import Files
import Foundation
import TestSupport
import Testing

@testable import Runs

/// What becomes of a training whose run directory is taken away while it goes on.
struct RemovedRunTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  /// Trains, and does something after the first evaluation; the error that ends the run.
  private func failure(
    _ changes: String..., ranks: Int = 1, after done: @escaping @Sendable (_ run: String) throws -> Void
  ) throws -> String {
    var config = try world.config()
    for change in changes where change == "no lines" { config.log.everySteps = 1_000_000 }
    let path = world.folder.file("run")
    do {
      _ = try world.leg(config, of: "run", ranks: ranks, says: { if $0.contains("validation") { try? done(path) } })
      return ""
    } catch { return "\(error)" }
  }

  @Test(arguments: [1, 2], ["lines", "no lines"]) func whatWasRemovedStaysAway(ranks: Int, lines: String) throws {
    let error = try failure(lines, ranks: ranks) { try FileManager.default.removeItem(atPath: $0) }
    #expect(error.contains("run was removed, moved or unmounted while it was trained into"))
    #expect(!FileManager.default.fileExists(atPath: world.folder.file("run")))
  }

  @Test func whatStandsThereNowIsNotWrittenInto() throws {
    let error = try failure("no lines") { path in
      try FileManager.default.moveItem(atPath: path, toPath: path + "-moved")
      // A run of somebody else's, with a lock of its own.
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      try Data().write(to: URL(fileURLWithPath: "\(path)/\(RunLock.fileName)"))
    }
    #expect(error.contains("go on with --resume"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder.file("run")) == [RunLock.fileName])
  }

  @Test func aLockKnowsItsPlace() throws {
    let directory = try world.directory("run")
    let lock = try RunLock(directory)
    #expect(lock.isInPlace)
    try lock.checkInPlace()
    let file = "\(directory.path)/\(RunLock.fileName)"
    try FileManager.default.moveItem(atPath: file, toPath: file + "-moved")
    #expect(!lock.isInPlace)
    try Data().write(to: URL(fileURLWithPath: file))
    #expect(!lock.isInPlace)
    #expect(throws: InputError.self) { try lock.checkInPlace() }
  }
}
