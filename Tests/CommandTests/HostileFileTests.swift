import Foundation
import TestSupport
import Testing

/// Every kind of file that comes from outside, in every way that a file is damaged: one sentence, the right code, nothing left behind.
struct HostileFileTests {
  @Test(arguments: HostileFile.all)
  func aDamagedFileIsRefused(_ kind: HostileFile) throws {
    let folder = try HostileWorld.shared().copy()
    let whole = try run(kind, folder)
    try #require(whole.code == 0, "\(kind.name), whole: \(whole.errors)")
    var (refused, goneOn, skipped): ([FileDamage], [FileDamage], [FileDamage]) = ([], [], [])
    for damage in FileDamage.allCases {
      let folder = try HostileWorld.shared().copy()
      guard try damage.apply(to: folder.file(kind.file), kind.format) else {
        skipped.append(damage)
        continue
      }
      try kind.remedy?(folder.file(kind.file))
      let before = try names(folder)
      let outcome = try run(kind, folder)
      if outcome.code == 0 {
        goneOn.append(damage)
        #expect(kind.checkStop.contains(damage), "\(kind.name), \(damage): not refused")
      } else {
        refused.append(damage)
        try check(outcome, kind, damage)
        #expect(try names(folder) == before, "\(kind.name), \(damage): something is left")
      }
    }
    // Whatever a kind may survive, it must be able to fail.
    #expect(!refused.isEmpty, "\(kind.name)")
    print(
      "hostile files: \(kind.name): \(refused.count) refused, \(goneOn.count) taken (\(goneOn.map(\.rawValue).joined(separator: ", "))), "
        + "\(skipped.count) do not apply")
  }

  private func run(_ kind: HostileFile, _ folder: TemporaryFolder) throws -> CommandResult {
    try CommandRunner.run(kind.command, in: folder.path)
  }

  /// Files of a checkpoint, damaged in each way: the run goes on from the one before, and comes to its end.
  @Test(arguments: HostileFile.resumed)
  func aDamagedCheckpointIsPassedOver(_ kind: HostileFile) throws {
    for damage in FileDamage.allCases {
      let folder = try HostileWorld.shared().copy()
      guard try damage.apply(to: folder.file(kind.file), kind.format) else { continue }
      try kind.remedy?(folder.file(kind.file))
      let outcome = try run(kind, folder)
      #expect(outcome.code == 0, "\(kind.name), \(damage): \(outcome.errors)")
      guard !kind.checkStop.contains(damage) else { continue }
      #expect(outcome.errors.contains("is not whole"), "\(kind.name), \(damage): \(outcome.errors)")
      let newest = HostileFile.checkpoint.split(separator: "/").last ?? ""
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.file("run/checkpoints/like")).contains("damaged-\(newest)"))
    }
  }

  /// With no whole checkpoint at all the run neither goes on nor begins anew, however often it is asked.
  @Test func withoutAWholeCheckpointNothingIsTrained() throws {
    let folder = try HostileWorld.shared().copy()
    for name in try names(folder) where name.hasPrefix("run/checkpoints/") && name.hasSuffix("/dense.safetensors") {
      #expect(try FileDamage.bitFlipped.apply(to: folder.file(name), .safetensors))
    }
    let before = try names(folder)
    for _ in 0..<2 {
      let outcome = try CommandRunner.run(HostileFile.resume, in: folder.path)
      #expect(outcome.code == 65 && outcome.errors.contains("no checkpoint of run is whole"), "\(outcome.errors)")
      #expect(try names(folder) == before)
    }
  }

  /// One sentence that names the file; rows that are bad come before it, a line each.
  private func check(_ outcome: CommandResult, _ kind: HostileFile, _ damage: FileDamage) throws {
    let isElsewhere = kind.shownElsewhere.contains(damage)
    #expect(outcome.code == (isElsewhere ? 65 : kind.code), "\(kind.name), \(damage): \(outcome.code), \(outcome.errors)")
    let sentences = outcome.errorLines.filter { !$0.hasPrefix("precise: bad row") }
    #expect(sentences.count == 1 || kind.code == 64, "\(kind.name), \(damage): \(outcome.errors)")
    let name = URL(fileURLWithPath: kind.file).lastPathComponent
    #expect(isElsewhere || sentences.contains { $0.contains(name) }, "\(kind.name), \(damage): \(sentences)")
    #expect(!outcome.errors.contains("fault of this program"), "\(kind.name), \(damage): \(outcome.errors)")
  }

  /// Everything below the folder but the record of why the last training failed.
  private func names(_ folder: TemporaryFolder) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0 != "run/failure.json" }.sorted()
  }
}
