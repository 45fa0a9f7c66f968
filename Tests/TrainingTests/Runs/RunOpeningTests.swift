import Checkpoints
import Config
import Files
import Foundation
import TestSupport
import Testing

@testable import Runs

/// What a training may find in a run directory, and what becomes of it.
struct RunOpeningTests {
  private let folder: TemporaryFolder
  private let directory: RunDirectory

  init() throws {
    folder = try TemporaryFolder()
    directory = RunDirectory(path: folder.file("run"))
  }

  private func config(_ changes: String...) throws -> RunConfig {
    let text =
      "model: {id_dim: 8, semantic_dim: 8, heads: 2}\ntargeted: [{name: like, behavior: like}, {name: share, behavior: share}]"
    return try ConfigReader.read(text: text, name: "c.yaml", overrides: changes)
  }

  private func open(
    _ intent: RunOpening.Intent = .begin, _ config: RunConfig? = nil, only phase: String? = nil, states: String? = "aa",
    data: String = "d1"
  ) throws -> RunLock {
    try RunOpening(
      directory, config: config ?? self.config(), configFile: "c.yaml",
      record: .init(dataset: "/d", checksum: data, tokenStates: states), selection: phase, intent: intent
    ).open()
  }

  /// Puts down what counts as a phase's checkpoint.
  private func train(_ phase: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(directory.checkpointsPath(phase: phase))/step-00000001", withIntermediateDirectories: true)
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func oneJobAtATime() throws {
    var first: RunLock? = try open()
    #expect(refusal { _ = try open(.resume) }.contains("is being trained by process \(getpid()) on "))
    #expect(refusal { _ = try open(.overwrite) }.contains("wait for it, stop it, or give another --out"))
    withExtendedLifetime(first) {}
    first = nil
    _ = try open(.resume)
  }

  @Test(arguments: ["letter", "config.yaml", "checkpoints", "manifest.json", ".git"])
  func aFolderOfOthersIsNoRun(name: String) throws {
    try FileManager.default.createDirectory(atPath: folder.file("run"), withIntermediateDirectories: true)
    if name == "checkpoints" {
      try FileManager.default.createDirectory(
        atPath: folder.file("run/checkpoints/universal/step-1"), withIntermediateDirectories: true)
    } else {
      try folder.write("run/\(name)", "theirs")
    }
    for intent in [RunOpening.Intent.begin, .resume, .overwrite] {
      #expect(refusal { _ = try open(intent) }.contains("other things in it (\(name))"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [name])
  }

  @Test func anEmptyFolderAndWhatAKilledStartLeavesAreNobodys() throws {
    try FileManager.default.createDirectory(atPath: folder.file("run/lost+found"), withIntermediateDirectories: true)
    _ = try open()
    try FileManager.default.removeItem(atPath: directory.configPath)
    try FileManager.default.createDirectory(atPath: folder.file("run/checkpoints"), withIntermediateDirectories: true)
    _ = try open()
    #expect(directory.exists)
  }

  @Test func overwritingLosesTheRunAndNothingElse() throws {
    _ = try open()
    try train("like")
    for name in ["metrics.jsonl", "events.out.tfevents.1.h", "evaluation.json", "notes.txt"] {
      try folder.write("run/\(name)", "{}")
    }
    #expect(refusal { _ = try open() }.contains("holds a run already"))
    _ = try open(.overwrite, config("model.heads=4"), data: "d2")
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    #expect(names == ["config.yaml", "notes.txt", "run.json", "train.lock"])
    #expect(try directory.record().checksum == "d2")
    // Not a run any more for who can read it.
    try folder.write("run/run.json", "{")
    #expect(refusal { _ = try open(.overwrite) }.contains("run.json cannot be read"))
  }

  @Test func aTargetedPhaseNeedsTheRunsSettings() throws {
    #expect(refusal { _ = try open(only: "like") }.contains("holds no universal phase"))
    #expect(try folder.names().isEmpty)
    _ = try open()
    try train("universal")
    // Nothing is trained yet that depends on these.
    _ = try open(.begin, config("targeted.0.epochs=9"), only: "like")
    let problems = refusal {
      _ = try open(.begin, config("model.heads=4", "seed=2", "targeted.0.epochs=9", "log.every_steps=3"), only: "like")
    }
    #expect(problems.contains("model.heads") && problems.contains("seed") && !problems.contains("epochs"))
    #expect(refusal { _ = try open(only: "like", data: "d2") }.contains("another data set"))
    #expect(refusal { _ = try open(only: "like", states: "bb") }.contains("other token states now"))
    #expect(try ConfigReader.read(file: directory.configPath).targeted[0].epochs == 9)
  }

  @Test func aPhaseIsTrainedAnewOnlyWhenTold() throws {
    _ = try open()
    for phase in ["universal", "like", "share"] { try train(phase) }
    try folder.write(
      "run/evaluation.json", #"{"like": {"test": {"all": {"mrr": 0.5}}}, "share": {"test": {"all": {"mrr": 0.25}}}}"#)
    #expect(refusal { _ = try open(only: "like") }.contains("holds the phase like already"))
    // The other phase keeps its own settings.
    #expect(refusal { _ = try open(.overwrite, config("targeted.1.epochs=9"), only: "like") }.contains("targeted.1.epochs"))
    _ = try open(.overwrite, config("targeted.0.epochs=9"), only: "like")
    let left = ["universal", "like", "share"].map { CheckpointStore(path: directory.checkpointsPath(phase: $0)).paths().count }
    #expect(left == [1, 0, 1])
    let record = try String(contentsOfFile: directory.evaluationPath, encoding: .utf8)
    #expect(!record.contains("like") && record.contains("0.25"))
    // Going on needs the settings that the phases were trained with.
    #expect(refusal { _ = try open(.resume, config("targeted.1.epochs=9")) }.contains("targeted.1.epochs"))
    _ = try open(.resume, config("targeted.0.epochs=8"))
  }

  /// In camelCase, with a data set's checksum under another name.
  @Test func theRecordOfAnEarlierVersionIsRead() throws {
    _ = try open()
    let old = #"""
      {"checksum": "d2", "dataset": "/e", "token_states_checksum": "bb",
       "from": {"checkpoint": "/c", "dropsGoneItems": true, "manifestChecksum": "cc"}}
      """#
    try folder.write("run/run.json", old)
    let record = try directory.record()
    var from = StartingPoint(path: "/c", dropsGoneItems: true)
    from.manifestChecksum = "cc"
    #expect(record == .init(dataset: "/e", checksum: "d2", tokenStates: "bb", from: from))
    try directory.write(config: "", record: record)
    let now = try String(contentsOfFile: folder.file("run/run.json"), encoding: .utf8)
    for key in ["dataset_checksum", "drops_gone_items", "manifest_checksum", "token_states_checksum"] {
      #expect(now.contains("\"\(key)\" : "), "\(key)")
    }
    #expect(try !now.contains("\"checksum\"") && directory.record() == record)
  }

  @Test func aRunFromBeforeItsTokenStatesWereNoted() throws {
    _ = try open(states: nil)
    try train("universal")
    _ = try open(.resume, states: "aa")
    #expect(try directory.record().tokenStates == "aa")
    #expect(refusal { _ = try open(.resume, states: "bb") }.contains("checksum bb, was aa"))
  }
}
