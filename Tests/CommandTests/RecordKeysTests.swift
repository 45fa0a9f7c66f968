import Foundation
import TestSupport
import Testing

/// Every key of every JSON that the program writes or prints is snake_case, or a name out of the data.
struct RecordKeysTests {
  private let world: CommandWorld

  init() throws { world = try CommandWorld.shared() }

  /// Keys, wherever they stand.
  private func keys(_ value: Any) -> Set<String> {
    switch value {
    case let object as [String: Any]: object.reduce(into: Set(object.keys)) { $0.formUnion(keys($1.value)) }
    case let list as [Any]: list.reduce(into: []) { $0.formUnion(keys($1)) }
    default: []
    }
  }

  private func expectSnakeCase(_ json: Data, _ what: String) throws {
    // Metrics are called recall@10, keys of the configuration model.id_dim, phases as the user likes.
    let other = try keys(JSONSerialization.jsonObject(with: json)).filter { $0.wholeMatch(of: /[a-z0-9@._+-]+/) == nil }
    #expect(other.isEmpty, "\(what): \(other.sorted())")
  }

  private func checkFiles(of folder: String) throws -> Int {
    let names = try #require(FileManager.default.enumerator(atPath: folder)).compactMap { $0 as? String }
    let files = names.filter { $0.hasSuffix(".json") || $0.hasSuffix(".jsonl") }
    for name in files {
      let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      for part in name.hasSuffix(".jsonl") ? data.split(separator: UInt8(ascii: "\n")).map({ Data($0) }) : [data] {
        try expectSnakeCase(part, name)
      }
    }
    return files.count
  }

  @Test func filesOfADataSetAndARun() throws {
    let folder = try TemporaryFolder()
    let export = try CommandRunner.run("export", world.run, "--out", folder.file("embeddings"), "--quiet")
    #expect(export.code == 0, "\(export.errors)")
    // manifest.json, encode.json; run.json, evaluation.json, metrics.jsonl, two manifests at least; export.json.
    #expect(try checkFiles(of: world.dataset) >= 2 && checkFiles(of: world.run) >= 5 && checkFiles(of: folder.path) >= 1)
  }

  @Test func whatCommandsPrint() throws {
    let phase = "\(world.run)/checkpoints/universal"
    let newest = try #require(try FileManager.default.contentsOfDirectory(atPath: phase).sorted().last)
    let user = try world.id("interactions.csv", column: 0)
    for command in [
      ["inspect", world.dataset], ["inspect", world.run], ["inspect", "\(phase)/\(newest)"], ["evaluate", world.run, "--quiet"],
      ["recommend", world.run, "--user", user, "--explain", "--quiet"], ["doctor", "--ranks", "1"],
      ["check", "--config", world.config, "--data", world.dataset, "--ranks", "2", "--quiet"],
      ["bench", "--config", world.config, "--steps", "2", "--ranks", "2", "--quiet"],
    ] {
      let outcome = try CommandRunner.run(command + ["--json"])
      #expect(outcome.code == 0, "\(command): \(outcome.errors)")
      try expectSnakeCase(Data(outcome.output.utf8), command[0])
    }
  }

  /// A checksum is `dataset_checksum`, a path `dataset`, in every file.
  @Test func aNameHasOneMeaning() throws {
    func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    let object = try JSONSerialization.jsonObject(with: Data(try text("\(world.dataset)/manifest.json").utf8)) as? [String: Any]
    let checksum = try #require(object?["checksum"] as? String)
    let run = try text("\(world.run)/run.json")
    #expect(run.contains("\"dataset\" : \"\(world.dataset)\"") && run.contains("\"dataset_checksum\" : \"\(checksum)\""))
    for name in ["evaluation.json", "metrics.jsonl"] {
      let text = try text("\(world.run)/\(name)")
      #expect(text.contains("\"dataset_checksum\"") && !text.contains("\"dataset\""), "\(name)")
    }
  }
}
