import Foundation
import TestSupport
import Testing

/// A day after the other, as a job would run them: `prepare --append`, `encode`, `train --from --resume`, `evaluate`, `export`.
@Suite struct DailyCommandTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
    // Today: the newest tenth of the events, and an item that nobody has seen.
    let lines = try String(contentsOfFile: "\(world.raw)/interactions.csv", encoding: .utf8).split(separator: "\n")
    let indices = lines[0].split(separator: ",").map(String.init)
    let time = try #require(indices.firstIndex(of: "timestamp"))
    let rows = lines.dropFirst().sorted {
      (Double($0.split(separator: ",")[time]) ?? 0) < (Double($1.split(separator: ",")[time]) ?? 0)
    }
    let cut = rows.count * 9 / 10
    let item = try #require(indices.firstIndex(of: "item"))
    let new = rows[cut..<(cut + 6)].map { row in
      var fields = row.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      fields[item] = "brand-new"
      return fields.joined(separator: ",")
    }
    try folder.write("before.csv", ([lines[0]] + rows[..<cut]).joined(separator: "\n") + "\n")
    try folder.write("today.csv", ([lines[0]] + rows[cut...]).joined(separator: "\n") + "\n" + new.joined(separator: "\n") + "\n")
  }

  /// Runs in the folder and checks the exit code.
  @discardableResult
  private func run(_ arguments: String..., code: Int32 = 0) throws -> CommandResult {
    let result = try CommandRunner.run(arguments, in: folder.path)
    #expect(result.code == code && !result.errors.contains("fault of this program"), "\(arguments): \(result.errors)")
    return result
  }

  private func prepareBoth() throws -> CommandResult {
    try run(
      "prepare", "--interactions", "before.csv", "--items", "\(world.raw)/items.csv", "--out", "before", "--virtual-shards", "4",
      "--min-item-events", "1", "--quiet")
    let appended = try run("prepare", "--append", "before", "--interactions", "today.csv", "--out", "after")
    for name in ["before", "after"] { try run("encode", name, "--dim", "8", "--tokens", "4", "--quiet") }
    return appended
  }

  /// Yesterday's model on today's data: served and measured as it is, nothing trained, nothing recorded.
  @Test func yesterdaysModelServesToday() throws {
    _ = try prepareBoth()
    try run("train", "--config", world.config, "--data", "before", "--out", "run0", "--quiet")
    let user = try world.id("interactions.csv", column: 0)
    let found = try run(
      "recommend", "run0", "--data", "after", "--user", user, "-k", "100", "--format", "csv", "--no-exclude-seen")
    #expect(found.errors.contains("1 new to the model, 0 gone"), "\(found.errors)")
    #expect(found.output.contains("brand-new"))
    let measured = try run("evaluate", "run0", "--data", "after", "--split", "validation")
    #expect(
      measured.errors.contains("not recorded") && !FileManager.default.fileExists(atPath: folder.file("run0/evaluation.json")))
    try run("export", "run0", "--data", "after", "--out", "fresh", "--quiet")
    let record = try String(contentsOfFile: folder.file("fresh/export.json"), encoding: .utf8)
    #expect(record.contains("\"trained_on\"") && record.contains("\"items_new_to_the_model\": 1"))
    #expect(try String(contentsOfFile: folder.file("fresh/model_card.md"), encoding: .utf8).contains("1 item came later"))
    // Without the run's own data set it cannot know what was trained.
    try FileManager.default.moveItem(atPath: folder.file("before"), toPath: folder.file("moved"))
    let lost = try run("recommend", "run0", "--data", "after", "--user", user, code: 65)
    #expect(lost.errors.contains("give its folder with --trained-on"), "\(lost.errors)")
    try run("recommend", "run0", "--data", "after", "--trained-on", "moved", "--user", user)
  }

  @Test func aDayAfterTheOther() throws {
    #expect(try prepareBoth().output.contains("1 new item"))
    try run("train", "--config", world.config, "--data", "before", "--out", "run0", "--quiet")
    let train = ["train", "--config", world.config, "--data", "after", "--out", "run1", "--from", "run0", "--resume"]
    let first = try CommandRunner.run(train, in: folder.path)
    #expect(first.code == 0 && first.errors.contains("known items, 1 new, 0 gone"), "\(first.errors)")
    let again = try CommandRunner.run(train, in: folder.path)
    #expect(again.code == 0 && again.errors.contains("going on from") && !again.errors.contains("known items"), "\(again.errors)")
    try run("evaluate", "run1", "--quiet")
    try run("export", "run1", "--out", "export", "--quiet")
    #expect(try String(contentsOfFile: folder.file("export/items.txt"), encoding: .utf8).contains("brand-new"))
    let shown = try run("inspect", "run1")
    #expect(shown.output.contains("began with") && shown.output.contains("run0/checkpoints/universal/step-"))
    let checkpoint = try #require(
      shown.output.split(separator: "\n").first { $0.hasPrefix("began with") }?.split(separator: " ")[2])
    #expect(try run("inspect", String(checkpoint)).output.contains("token states: hashed, 4 tokens of 8"))
  }

  @Test func whatGoesWrongIsSaidAtOnce() throws {
    _ = try prepareBoth()
    let contradicting = try run(
      "prepare", "--append", "before", "--interactions", "today.csv", "--out", "other", "--ties", "shuffle:1",
      "--item-key", "item-scene", "--min-user-events", "2", "--virtual-shards", "4", code: 64)
    #expect(contradicting.errors.contains("--ties shuffle:1 (it has file-order), --item-key item-scene (it has item)"))
    #expect(!contradicting.errors.contains("--min-user-events"))
    #expect(!contradicting.errors.contains("--virtual-shards"))
    let foreign = try run("prepare", "--append", ".", "--interactions", "today.csv", "--out", "other", code: 65)
    #expect(foreign.errorLines.count == 1 && foreign.errors.contains("is no data set"))
    try run("prepare", "--interactions", "today.csv", "--out", "other", "--gone-items", "drop", code: 64)
    try run("prepare", "--append", "before", "--interactions", "today.csv", "--out", "other", "--since", "soon", code: 64)
    #expect(!FileManager.default.fileExists(atPath: folder.file("other")))

    func train(_ arguments: String..., code: Int32) throws -> String {
      let words = ["train", "--config", world.config, "--data", "after"] + arguments
      let result = try CommandRunner.run(words, in: folder.path)
      #expect(result.code == code, "\(arguments): \(result.errors)")
      return result.errors
    }
    try run("train", "--config", world.config, "--data", "before", "--out", "run0", "--phase", "universal", "--quiet")
    #expect(try train("--out", "run1", "--from", "run0", "--phase", "targeted", code: 64).contains("--from"))
    #expect(try train("--out", "run0", "--from", "run0/checkpoints", "--overwrite", code: 64).contains("another run than --out"))
    #expect(try train("--out", "run1", "--drop-gone-items", code: 64).contains("goes with --from"))
    #expect(try train("--out", "run1", "--from", "raw", code: 65).contains("neither a checkpoint nor a run directory"))
    let wide = try train("--out", "run2", "--from", "run0", "--set", "model.id_dim=16", "--set", "model.layers=2", code: 64)
    #expect(wide.contains("2 problems") && wide.contains("model.id_dim: 16, is 8 in the checkpoint"), "\(wide)")
  }
}
