import Config
import Files
import Foundation
import Reporting
import TestSupport
import Testing

@testable import Ablation

/// Records and the folder of an ablation.
struct AblationFilesTests {
  @Test func recordsComeBackAsTheyWere() throws {
    let world = try AblationWorld()
    let path = world.folder.file("record.json")
    #expect(try AblationRecord(path: path) == nil)
    var record = AblationRecord(config: "seed: 1\n", dataset: "abc", tokenStates: "def")
    record.isTrained = true
    try record.add(AblationWorld.printed(0.1, 0.2, universal: 0.05, phase: "like"), setting: "seen", split: "test")
    try record.add(AblationWorld.printed(0.3, 0.4, split: "validation"), setting: "seen", split: "validation")
    record.add(
      ["like": ["test": ["model": AblationWorld.ranks(found: 5)], "test.universal": ["model": AblationWorld.ranks(found: 1)]]],
      setting: "seen", split: "test")
    try record.write(to: path)
    let back = try #require(try AblationRecord(path: path))
    #expect(back == record && back.ranks("like", setting: "seen", split: "test") == AblationWorld.ranks(found: 5))
    #expect(back.ranks("like", setting: "seen", split: "test", ranking: "text") == nil)
    #expect(back.has("like", setting: "seen", split: "test") && !back.has("universal", setting: "seen", split: "test"))
    #expect(back.has("universal", setting: "seen", split: "validation") && !back.has("like", setting: "other", split: "test"))
    #expect(back.references("like", setting: "seen", split: "test") == ["universal"])
    #expect(back.entry("like", setting: "seen", split: "test", reference: "universal")?["all"]?["recall@10"]?.number == 0.05)
    #expect(throws: InputError.self) { try record.add(Data("precise: no".utf8), setting: "seen", split: "test") }
    for text in ["", "[]", "{}", "{\"version\": 2, \"config\": \"\", \"dataset\": \"\", \"trained\": true, \"evaluated\": {}}"] {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(throws: InputError.self) { try AblationRecord(path: path) }
    }
  }

  /// Under the names that earlier versions had for the metrics and for checksums.
  @Test func aRecordOfAnEarlierVersionIsRead() throws {
    let folder = try TemporaryFolder()
    let start = #"{"version": 1, "config": "c", "dataset": "d", "token_states": "t", "trained": true, "#
    // The key of earlier versions.
    let old = start + #""judged": {"seen": {"test": {"like": {"test": {"all": {"mrr": 0.5}}}}}}}"#
    let record = try #require(try AblationRecord(path: try folder.write("record.json", old)))
    #expect(record.dataset == "d" && record.tokenStates == "t" && record.has("like", setting: "seen", split: "test"))
    let path = folder.file("new.json")
    try record.write(to: path)
    #expect(try AblationRecord(path: path) == record)
    let now = try String(contentsOfFile: path, encoding: .utf8)
    for key in ["dataset_checksum", "token_states_checksum", "evaluated"] { #expect(now.contains("\"\(key)\": "), "\(key)") }
    // What earlier versions called it.
    #expect(!now.contains("judged") && !now.contains("\"dataset\""))
  }

  /// Records of earlier versions have no ranks; what is there must be whole.
  @Test(arguments: [
    "", ", \"ranks_by_training_events\": {}", ", \"ranks_by_training_events\": {\"a\": {\"b\": {\"c\": {\"d\": [[1, 3, 2]]}}}}",
  ])
  func ranksAreRead(more: String) throws {
    let folder = try TemporaryFolder()
    let text = "{\"version\": 1, \"config\": \"\", \"dataset\": \"\", \"trained\": true, \"evaluated\": {}\(more)}"
    let record = try #require(try AblationRecord(path: try folder.write("record.json", text)))
    let ranks = record.ranks("b", setting: "a", split: "c", ranking: "d")
    #expect(ranks == (more.contains("[[") ? RanksByTrainingEvents([.init(events: 1, users: 3, found: 2)]) : nil))
  }

  @Test(arguments: [
    "[]", "{\"a\": 1}", "3, 4", "[1, 3, 4]", "[1, -3, -4]", "[-1, 3, 2]", "[1, 3, 2], [1, 3, 2]", "[1, 9223372036854775807, 1]",
    "[1, 2147483649, 1]",
  ])
  func damagedRanksAreRefused(_ ranks: String) throws {
    let folder = try TemporaryFolder()
    let value = ranks.hasPrefix("[]") || ranks.hasPrefix("{") ? ranks : "{\"a\": {\"b\": {\"c\": {\"d\": [\(ranks)]}}}}"
    let path = try folder.write(
      "record.json",
      "{\"version\": 1, \"config\": \"\", \"dataset\": \"\", \"trained\": true, \"evaluated\": {}, \"ranks_by_training_events\": \(value)}"
    )
    let error = #expect(throws: InputError.self) { try AblationRecord(path: path) }
    #expect(error?.description.contains("ranks_by_training_events cannot be read") == true)
  }

  @Test func theFolderIsAnAblationsOrNobodys() throws {
    let folder = try TemporaryFolder()
    let ablation = AblationFolder(path: folder.file("out/"))
    do {
      let lock = try ablation.open(.resume, grid: "g.yaml")
      let error = #expect(throws: InputError.self) { try ablation.open(.resume, grid: "g.yaml") }
      #expect(error?.description.contains("another precise ablate works in") == true)
      withExtendedLifetime(lock) {}
    }
    let error = #expect(throws: InputError.self) { try ablation.open(.begin, grid: "g.yaml") }
    #expect(error?.description.contains("holds an ablation already; give --resume") == true)
    _ = try ablation.open(.overwrite, grid: "g.yaml")
    try ablation.makeFolders("both")
    #expect(ablation.run("both", seed: 3) == folder.file("out/runs/both/seed-3"))
    try FileManager.default.createDirectory(atPath: folder.file("mine"), withIntermediateDirectories: true)
    try folder.write("mine/thesis.tex", "x")
    for intent in [AblationFolder.Intent.begin, .resume, .overwrite] {
      #expect(throws: InputError.self) { try AblationFolder(path: folder.file("mine")).open(intent, grid: "g") }
    }
    #expect(throws: InputError.self) { try AblationFolder(path: folder.file("mine/thesis.tex")).open(.begin, grid: "g") }
    try folder.write("mine/ablation.json", "{\"format\": \"other\"}")
    #expect(throws: InputError.self) { try AblationFolder(path: folder.file("mine")).open(.overwrite, grid: "g") }
    #expect(
      try folder.names() == ["mine", "out"] && FileManager.default.contentsOfDirectory(atPath: folder.file("mine")).count == 2)
  }
}
