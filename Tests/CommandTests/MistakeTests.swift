import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import precise

/// What a newcomer does wrong: each ends with one sentence, the right exit code, and nothing half-written.
@Suite(.serialized) struct MistakeTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  /// Every command there is, in the order of the help.
  static let commands = Precise.configuration.subcommands.compactMap { $0.configuration.commandName }

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  /// Runs, and checks exit code, sentence and that the scratch folder holds only what it held.
  private func fail(_ status: Int32, _ part: String, _ arguments: String..., input: String? = nil) throws {
    let before = try folder.names()
    let outcome = try CommandRunner.run(arguments, input: Data((input ?? "").utf8), in: folder.path)
    #expect(outcome.code == status, "\(arguments): \(outcome.errors)")
    #expect(outcome.errors.contains(part), "\(arguments): \(outcome.errors)")
    #expect(outcome.output.isEmpty, "\(arguments)")
    #expect(!outcome.errors.contains("fault of this program"))
    #expect(try folder.names() == before, "\(arguments)")
  }

  /// A copy of the run whose newest checkpoint of the last phase may be damaged.
  private func copiedRun() throws -> (run: String, checkpoint: String) {
    let copy = folder.file("copy")
    try FileManager.default.copyItem(atPath: world.run, toPath: copy)
    let phase = "\(copy)/checkpoints/like"
    return (copy, "\(phase)/\(try #require(try FileManager.default.contentsOfDirectory(atPath: phase).sorted().last))")
  }

  @Test(arguments: commands)
  func helpHasAnExample(command: String) throws {
    let outcome = try CommandRunner.run([command, "--help"])
    #expect(outcome.code == 0 && outcome.output.contains("Example") && outcome.output.contains("precise \(command) "))
  }

  @Test func theRootSaysWhatThereIs() throws {
    let help = try CommandRunner.run(["--help"])
    #expect(help.code == 0)
    let order = Self.commands.compactMap { help.output.range(of: "\n  \($0) ")?.lowerBound }
    #expect(order.count == Self.commands.count && order == order.sorted() && order.count > 15)
    let version = try CommandRunner.run(["--version"])
    #expect(version.code == 0 && version.output.split(separator: ".").count == 3)
    #expect(try CommandRunner.run([String]()).code == 0)
  }

  @Test(arguments: [
    ["synth", "--out", "o"], ["prepare", "--interactions", "i", "--out", "o"], ["encode", "d"],
    ["train", "--config", "c", "--data", "d", "--out", "o"], ["evaluate", "r"], ["export", "r", "--out", "o"],
    ["recommend", "r", "--user", "u"], ["score", "r", "--pairs", "p", "--out", "o"], ["bench", "--config", "c"],
    ["inspect", "p"], ["check", "--config", "c"], ["doctor"], ["config"],
  ])
  func aWrongFlagIsWrongUsage(arguments: [String]) throws {
    let outcome = try CommandRunner.run(arguments + ["--no-such-flag"], in: folder.path)
    #expect(outcome.code == 64 && outcome.errors.contains("--no-such-flag") && outcome.output.isEmpty, "\(outcome.errors)")
    #expect(try folder.names().isEmpty)
  }

  @Test func wrongUsage() throws {
    try fail(64, "no-such", "no-such-command", "x")
    try fail(64, "--user, --item", "recommend", world.run)
    try fail(64, "--user, --item", "recommend", world.run, "--user", "u", "--item", "i")
    try fail(64, "-k", "recommend", world.run, "--user", "u", "-k", "0")
    try fail(64, "--explain", "recommend", world.run, "--item", "i", "--explain")
    try fail(64, "safetensors, npy, jsonl", "export", world.run, "--out", "e", "--format", "csv")
    try fail(64, "--new-states", "export", world.run, "--out", "e", "--new-states", "s")
    try fail(64, "--quiet", "score", world.run, "--pairs", "p", "--out", "s", "--quiet", "--verbose")
  }

  @Test func wrongConfigurationIsAnsweredWithASuggestion() throws {
    let config = try folder.write("c.yaml", "modle: {layers: 1}\nuniversal: {epoch: 3}\n")
    for part in ["model", "epochs"] { try fail(64, part, "train", "--config", config, "--data", world.dataset, "--out", "run") }
    try fail(
      64, "layers", "train", "--config", world.config, "--data", world.dataset, "--out", "run", "--set", "model.layer=2")
    try fail(
      64, "heads", "train", "--config", world.config, "--data", world.dataset, "--out", "run", "--set", "model.heads=3")
  }

  @Test func missingInputsAreNamed() throws {
    try fail(65, "none.csv", "prepare", "--interactions", "none.csv", "--out", "d")
    try fail(65, "none", "encode", "none")
    try fail(65, "none", "train", "--config", world.config, "--data", "none", "--out", "run")
    try fail(65, "none", "evaluate", "none")
    try fail(65, "none", "export", "none", "--out", "e")
    try fail(65, "none", "recommend", "none", "--user", "u")
    try fail(65, "none", "score", "none", "--pairs", "p.csv", "--out", "s.csv")
    try fail(65, "none.csv", "score", world.run, "--pairs", "none.csv", "--out", "s.csv")
    try fail(65, "none.csv", "export", world.run, "--out", "e", "--items", "none.csv")
    try fail(65, "none.txt", "recommend", world.run, "--users-file", "none.txt")
    try fail(65, "none", "inspect", "none")
    try fail(65, "none", "evaluate", world.run, "--data", "none")
  }

  @Test func unknownNamesAreAnsweredWithKnownOnes() throws {
    let user = try world.id("interactions.csv", column: 0)
    try fail(65, "did you mean \(user)", "recommend", world.run, "--user", user.uppercased())
    try fail(65, "not in the data set", "recommend", world.run, "--item", "nothing")
    try fail(65, "universal, like", "recommend", world.run, "--user", user, "--phase", "lik")
    try fail(65, "no scene nowhere", "recommend", world.run, "--user", user, "--scene", "nowhere")
    try fail(65, "not in the data set", "recommend", world.run, "--users-file", "-", input: "nobody\n")
    try fail(65, "nobody", "score", world.run, "--pairs", "-", "--out", "s.csv", "--strict", input: "user,item\nnobody,i\n")
  }

  @Test func everyUsersFileIsNotWrittenAnywhere() throws {
    try folder.write("mine.csv", "mine")
    try fail(65, "--overwrite", "evaluate", world.run, "--per-user", "mine.csv", "--ranks", "2")
    try fail(65, "none/", "evaluate", world.run, "--per-user", "none/users.csv")
    try fail(64, "--per-user", "evaluate", world.run, "--per-user", "\(world.run)/evaluation.json", "--overwrite")
    try fail(64, "--per-user", "evaluate", world.run, "--per-user", "\(world.dataset)/users.csv")
    try fail(64, "standard output", "evaluate", world.run, "--per-user", "-")
    try fail(64, "--per-user", "evaluate", world.run, "--overwrite")
    #expect(try String(contentsOfFile: folder.file("mine.csv"), encoding: .utf8) == "mine")
  }

  @Test func brokenInputsLeaveNothing() throws {
    try folder.write("broken.csv.gz", Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B, 0x4C]))
    try fail(65, "broken.csv.gz", "prepare", "--interactions", "broken.csv.gz", "--out", "d", "--quiet")
    try fail(65, "broken.csv.gz", "score", world.run, "--pairs", "broken.csv.gz", "--out", "s.csv")
    try fail(65, "broken.csv.gz", "export", world.run, "--out", "e", "--items", "broken.csv.gz")
    try folder.write("short.csv", "user,item\nu\n")
    try fail(65, "short.csv:2", "score", world.run, "--pairs", "short.csv", "--out", "s.csv.gz")
    try folder.write("headless.csv", "a,b\n1,2\n")
    try fail(65, "only a, b; rename the column in the file", "export", world.run, "--out", "e", "--items", "headless.csv")
  }

  @Test func aDamagedCheckpointIsRefused() throws {
    let (run, checkpoint) = try copiedRun()
    let file = "\(checkpoint)/dense.safetensors"
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    for damaged in [whole.prefix(whole.count / 2), whole.prefix(7), Data(), whole.dropLast() + [whole[whole.count - 1] ^ 1]] {
      try damaged.write(to: URL(fileURLWithPath: file))
      try fail(65, "dense.safetensors", "evaluate", run, "--quiet")
      try fail(65, "dense.safetensors", "export", run, "--out", "e", "--quiet")
      try fail(65, "dense.safetensors", "inspect", checkpoint, "--verify")
      try fail(65, "dense.safetensors", "inspect", run, "--verify", "--json")
    }
    try FileManager.default.removeItem(atPath: file)
    try fail(65, "dense.safetensors", "recommend", run, "--user", "u", "--quiet")
    try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(checkpoint)/manifest.json"))
    try fail(65, "manifest.json", "inspect", checkpoint)
  }

  @Test func nothingIsOverwrittenUnasked() throws {
    try FileManager.default.createDirectory(atPath: folder.file("mine"), withIntermediateDirectories: false)
    try folder.write("mine/letter", "dear")
    try fail(65, "other things", "export", world.run, "--out", "mine", "--overwrite")
    try fail(65, "other things", "prepare", "--interactions", "\(world.raw)/interactions.csv", "--out", "mine", "--overwrite")
    try fail(65, "--overwrite", "train", "--config", world.config, "--data", world.dataset, "--out", world.run)
    #expect(try String(contentsOfFile: folder.file("mine/letter"), encoding: .utf8) == "dear")
  }
}
