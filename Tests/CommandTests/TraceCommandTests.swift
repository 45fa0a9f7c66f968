import Foundation
import TestSupport
import Testing

/// `--trace` and the per-part report as users meet them.
@Suite(.serialized) struct TraceCommandTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  private func bench(_ arguments: String...) throws -> CommandResult {
    try CommandRunner.run(
      ["bench", "--config", world.config, "--set", "bench.items=200", "--set", "bench.token_dim=8", "--steps", "3"] + arguments,
      in: folder.path)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  private func events(_ name: String) throws -> [[String: Any]] {
    try #require(try object(try String(contentsOfFile: folder.file(name), encoding: .utf8))["traceEvents"] as? [[String: Any]])
  }

  @Test func everyPartIsReported() throws {
    let result = try bench("--json", "--quiet", "--ranks", "2")
    #expect(result.code == 0 && result.errors.isEmpty, "\(result.errors)")
    let report = try object(result.output)
    for key in ["peak_gflops", "bandwidth_gbs", "step_ms", "share_of_roofline", "ceiling_gflops"] {
      #expect((report[key] as? Double ?? 0) > 0, "\(key)")
    }
    let parts = try #require(report["parts"] as? [String: [String: Any]])
    #expect(Set(parts.keys) == ["batch", "embed", "encode", "loss", "encode_backward", "items", "reduce", "dense"])
    for (name, part) in parts {
      #expect(Set(part.keys) == ["ms", "share_of_step", "gflops", "gbs", "share_of_roofline"], "\(name)")
      #expect((part["ms"] as? Double ?? 0) > 0 && (part["share_of_step"] as? Double ?? 0) > 0, "\(name)")
      #expect((part["share_of_roofline"] is Double) == (name != "reduce"), "\(name)")
      #expect((part["gflops"] as? Double ?? 0) > 0 || ["batch", "reduce", "dense"].contains(name), "\(name)")
    }
    #expect(try folder.names().isEmpty)
  }

  @Test func theTableHasARoofline() throws {
    let result = try bench("--ranks", "1")
    #expect(result.code == 0)
    for text in ["of roofline", "GFLOP/s in its cache", "GB/s of memory", "\nencodeBackward ", "\nstep "] {
      #expect(result.output.contains(text), "\(text)")
    }
  }

  @Test func aBenchOfTwoRanksLeavesTwoFiles() throws {
    let result = try bench("--trace", "t/x", "--ranks", "2")
    #expect(result.code == 0 && result.errors.contains("the trace of each rank is in t/x"), "\(result.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.file("t/x")).sorted() == ["rank-0000.json", "rank-0001.json"])
    for name in ["t/x/rank-0000.json", "t/x/rank-0001.json"] {
      // Three steps that nobody times, three that count.
      #expect(try events(name).filter { $0["cat"] as? String == "step" }.count == 6)
    }
    let fewer = try bench("--trace", "t/x", "--ranks", "1")
    #expect(fewer.code == 65 && fewer.errorLines.last?.contains("rank-0001.json") == true, "\(fewer.errors)")
    #expect(try bench("--trace", "t/x", "--ranks", "2", "--quiet").errors.isEmpty)
  }

  @Test func trainingShowsWhatIsBetweenSteps() throws {
    let result = try CommandRunner.run(
      [
        "train", "--config", world.config, "--data", world.dataset, "--out", "run", "--trace", "run/trace", "--ranks", "2",
        "--set", "checkpoint.every_steps=1",
      ], in: folder.path)
    #expect(result.code == 0, "\(result.errors)")
    for rank in 0..<2 {
      let events = try events("run/trace/rank-000\(rank).json")
      let names = { (category: String) in events.filter { $0["cat"] as? String == category }.compactMap { $0["name"] as? String }
      }
      #expect(names("phase") == ["universal", "like"])
      #expect(Set(names("between steps")) == ["evaluation", "checkpoint"])
      #expect(names("between steps").filter { $0 == "checkpoint" }.count >= names("step").count)
      #expect(names("part").filter { $0 == "dense" }.count == names("step").count && !names("step").isEmpty)
    }
  }

  @Test func aFailureLeavesItsTrace() throws {
    let result = try CommandRunner.run(
      [
        "train", "--config", world.config, "--data", world.dataset, "--out", "run", "--trace", "trace", "--ranks", "2",
        "--quiet", "--set", "optimizer.id_learning_rate=1e30",
      ], in: folder.path)
    #expect(result.code == 70 && result.errorLines.count == 1, "\(result.errors)")
    #expect(try events("trace/rank-0001.json").filter { $0["cat"] as? String == "step" }.count == 2)
  }

  @Test(arguments: ["file", "file/below"]) func aWrongFolder(path: String) throws {
    try folder.write("file", "")
    let result = try bench("--trace", path, "--ranks", "2")
    #expect(result.code == 65 && result.output.isEmpty, "\(result.errors)")
    #expect(result.errorLines.count == 1 && result.errors.contains(path) && !result.errors.contains("fault of this program"))
    let training = try CommandRunner.run(
      ["train", "--config", world.config, "--data", world.dataset, "--out", "run", "--trace", path], in: folder.path)
    #expect(training.code == 65 && training.errorLines.count == 1, "\(training.errors)")
    #expect(try folder.names() == ["file"])
  }
}
