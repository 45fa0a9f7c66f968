import Foundation
import TestSupport
import Testing

/// `precise index`, and `precise recommend` by what it makes.
struct IndexCommandTests {
  private let world: CommandWorld
  private let folder: TemporaryFolder

  init() throws {
    world = try CommandWorld.shared()
    folder = try TemporaryFolder()
  }

  private func index(_ flags: String...) throws -> CommandResult {
    try CommandRunner.run(["index", world.run, "--out", folder.file("index")] + flags)
  }

  private func recommend(_ flags: String...) throws -> CommandResult {
    let user = try world.id("interactions.csv", column: 0)
    return try CommandRunner.run(["recommend", world.run, "--user", user, "--quiet", "--json"] + flags)
  }

  @Test func recommendsTheSameByAnIndex() throws {
    let made = try index()
    #expect(made.code == 0 && made.output.contains(" items of width ") && made.output.contains("recall@"))
    #expect(made.errors.contains("next: precise recommend \(world.run) --user "))
    let (exact, found) = (try recommend(), try recommend("--index", folder.file("index")))
    #expect(found.code == 0 && found.output == exact.output && found.output.contains("recommendations"))
    let through = try recommend("--index", folder.file("index"), "--through", "items")
    #expect(through.code == 0 && through.output.contains("\"rank\": 10") && through.output != exact.output)
  }

  @Test func theRecordIsPrintedAsJSON() throws {
    let made = try index("--json", "--quiet", "--neighbors", "4", "--recall", "0.5")
    #expect(made.code == 0 && made.errors.isEmpty)
    let record = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [String: Any])
    #expect(record["neighbors"] as? Int == 4 && record["wanted_recall"] as? Double == 0.5)
    #expect(try #require(record["recall"] as? Double) >= 0.5)
    let written = try String(contentsOfFile: folder.file("index/index.json"), encoding: .utf8)
    #expect(written == made.output)
  }

  @Test(arguments: [["--neighbors", "1"], ["--build-width", "0"], ["--recall", "0"], ["--recall", "1.01"]])
  func wrongUsageIsSaid(flags: [String]) throws {
    let made = try CommandRunner.run(["index", world.run, "--out", folder.file("index")] + flags)
    #expect(made.code == 64 && made.errors.contains("\(flags[0]) must be "))
    #expect(try folder.names() == [])
  }

  /// The last phase is the default; an index of another one is not asked for it.
  @Test func anIndexOfAnotherPhaseIsRefused() throws {
    #expect(try index("--phase", "universal", "--quiet").code == 0)
    let refused = try recommend("--index", folder.file("index"))
    #expect(refused.code == 65 && refused.output.isEmpty && refused.errorLines.count == 1, "\(refused.errors)")
    #expect(try recommend("--index", folder.file("index"), "--phase", "universal").code == 0)
  }

  @Test func anIndexGoesWithUsers() throws {
    for flags in [
      ["--item", "i"], ["--user", "u", "--reserve-new", "1"], ["--user", "u", "--quota", "a=1"], ["--user", "u", "--items", "f"],
    ] {
      let refused = try CommandRunner.run(["recommend", world.run, "--index", "index"] + flags)
      #expect(refused.code == 64 && refused.errors.contains("--index"), "\(refused.errors)")
    }
    #expect(try recommend("--through", "items", "--at", "5").code == 64)
    let refused = try recommend("--through", "items", "--explain")
    #expect(refused.code == 64 && refused.errors.contains("--explain"))
  }
}
