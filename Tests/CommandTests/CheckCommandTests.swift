import Foundation
import TestSupport
import Testing

/// `precise check` as its own process: validates like train, prints estimates, runs nothing.
@Suite struct CheckCommandTests {
  private let folder: TemporaryFolder
  private let world: CommandWorld

  init() throws {
    folder = try TemporaryFolder()
    world = try CommandWorld.shared()
  }

  private struct Report: Decodable {
    struct Phase: Decodable {
      let name: String
      let wantedItems: Double
      let trainingBytes: Double
      let evaluationBytes: Double
      let memory: [String: Double]
      let traffic: [String: Double]
      let times: [Time]
    }
    struct Time: Decodable {
      let gigabits: Double
      let stepMs: Double
      let computeMs: Double
    }
    struct Verdict: Decodable {
      struct Seconds: Decodable { let all: Double }
      struct Doubt: Decodable {
        let message: String
        let key: String?
        let value: String?
      }
      let fits: Bool?
      let steps: Int?
      let seconds: Seconds?
      let rankBytes: Double
      let hostBytes: Double
      let ranksOnHost: Int
      let checkpointBytes: Double
      let doubts: [Doubt]
    }
    let ranks: Int
    let phases: [Phase]
    let verdict: Verdict
  }

  private func report(_ arguments: String...) throws -> Report {
    let result = try CommandRunner.run(["check", "--json"] + arguments, in: folder.path)
    #expect(result.code == 0, "\(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: Data(result.output.utf8))
  }

  @Test func aTableAPhaseWithFormulas() throws {
    let result = try CommandRunner.run(
      ["check", "--config", world.config, "--data", world.dataset, "--ranks", "2"], in: folder.path)
    #expect(result.code == 0 && result.errors.isEmpty)
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines[0].hasPrefix("the run fits this machine") && lines[0].hasSuffix("nothing was trained"))
    #expect(try #require(lines.firstIndex { $0.hasPrefix("phase ") }) > #require(lines.firstIndex { $0.hasPrefix("  disk ") }))
    #expect(lines.contains { $0.hasPrefix(world.dataset) })
    #expect(lines.filter { $0.hasPrefix("phase ") } == ["phase universal", "phase like"])
    for part in ["embeddingGradients ", "4 d F", "all while training", "docs/scaling.md"] {
      #expect(result.output.contains(part), "\(part)")
    }
    #expect(try folder.names().isEmpty)
  }

  /// What this machine could start stands on one host: no link, and no messages to others.
  @Test func ranksOfThisMachineAreOnOneHost() throws {
    let ranks = min(2, ProcessInfo.processInfo.activeProcessorCount)
    let arguments = ["check", "--config", world.config, "--data", world.dataset, "--ranks", "\(ranks)"]
    let here = try CommandRunner.run(arguments, in: folder.path).output
    #expect(here.contains("  one host  formula") && !here.contains("Gb/s ") && !here.contains("messages to other hosts"))
    #expect(ranks == 1 || here.contains("2 ranks on this host, "))
    let apart = try CommandRunner.run(
      ["check", "--config", world.config, "--data", world.dataset, "--ranks", "2", "--ranks-per-host", "1"], in: folder.path
    ).output
    #expect(apart.contains("  25 Gb/s  ") && apart.contains("messages to other hosts") && apart.contains("2 ranks, 1 a host, "))
  }

  @Test func ranksShareTheTableAndNotWhatIsCopied() throws {
    let (one, four) = (
      try report("--config", world.config, "--data", world.dataset, "--ranks", "1"),
      try report("--config", world.config, "--data", world.dataset, "--ranks", "4", "--set", "targeted.0.objective.bpr=1")
    )
    #expect(one.ranks == 1 && four.ranks == 4 && one.phases.map(\.name) == ["universal", "like"])
    for (alone, shared) in zip(one.phases, four.phases) {
      let (a, b) = (try #require(alone.memory["token_states"]), try #require(shared.memory["token_states"]))
      #expect(a > 0 && b == a / 4 && alone.memory["dense_parameters"] == shared.memory["dense_parameters"])
      #expect(alone.traffic.values.allSatisfy { $0 == 0 } && (shared.traffic["embeddings"] ?? 0) > 0)
      #expect(shared.wantedItems < alone.wantedItems && alone.evaluationBytes > alone.trainingBytes)
      #expect(shared.times.map(\.gigabits) == [10, 25, 100] && shared.times.allSatisfy { $0.stepMs > $0.computeMs })
    }
    #expect(four.phases[0].traffic["users"] == 0 && (four.phases[1].traffic["users"] ?? 0) > 0)
  }

  @Test func withoutDataTheItemsAreMadeUp() throws {
    let small = try report("--config", world.config, "--set", "bench.items=1000")
    let large = try report("--config", world.config, "--set", "bench.items=1_000_000_000", "--ranks", "64")
    #expect((large.phases[0].memory["id_rows"] ?? 0) == 8 * 4 * 1e9 / 64 && (small.phases[0].memory["id_rows"] ?? 0) > 0)
  }

  /// What stands in the verdict of this host, of others, and of made-up items.
  @Test func theVerdictComesFirst() throws {
    let here = try report("--config", world.config, "--data", world.dataset, "--ranks", "2").verdict
    #expect(here.fits == true && here.ranksOnHost == 2 && here.hostBytes > here.rankBytes && here.checkpointBytes > 0)
    #expect(here.steps != nil && (here.seconds?.all ?? 0) > 0)
    // The world has 80 users.
    #expect(here.doubts.contains { $0.key == nil && $0.message.contains("universal is trained on") })
    let apart = try report("--config", world.config, "--data", world.dataset, "--ranks", "4", "--ranks-per-host", "2").verdict
    #expect(apart.fits == nil && apart.ranksOnHost == 2 && apart.hostBytes == 2 * apart.rankBytes)
    let made = try report("--config", world.config).verdict
    #expect(made.steps == nil && made.seconds == nil)
    let batch = try report("--config", world.config, "--data", world.dataset, "--set", "batch.users=1000").verdict
    #expect(batch.doubts.contains { $0.key == "batch.users" && $0.value == "8" }, "\(batch.doubts)")
  }

  /// A run that does not fit is told so by the verdict, and refused as train refuses it.
  @Test func whatDoesNotFitIsSaidAndRefused() throws {
    let arguments = [
      "check", "--config", world.config, "--set", "model.id_dim=4088", "--set", "model.layers=64", "--ranks", "1",
    ]
    let outcome = try CommandRunner.run(arguments)
    #expect(outcome.code == 64 && outcome.output.hasPrefix("the run does not fit this machine; nothing was trained\n"))
    #expect(outcome.output.contains("  look at  model.layers takes ") && outcome.errors.contains("model.layers: 64, takes"))
    let json = try CommandRunner.run(arguments + ["--json"])
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect(json.code == 64 && (object?["verdict"] as? [String: Any])?["fits"] as? Bool == false)
  }

  @Test func everyFaultAtOnceAsTrainWouldSay() throws {
    let config = try folder.write("c.yaml", "modle: {layers: 1}\nuniversal: {epoch: 3}\nmodel: {heads: 3}\n")
    let check = try CommandRunner.run("check", "--config", config)
    let train = try CommandRunner.run("train", "--config", config, "--data", world.dataset, "--out", folder.file("run"))
    #expect(check.code == 64 && check.output.isEmpty && check.errors == train.errors)
    for part in ["3 problems", "modle", "epoch", "heads"] { #expect(check.errors.contains(part)) }
    let unfit = try CommandRunner.run(
      "check", "--config", world.config, "--data", world.dataset, "--set", "evaluation.cutoffs=[5,90000]", "--set",
      "evaluation.select_by=mrr", "--set", "targeted.0.behavior=lik")
    #expect(unfit.code == 64 && unfit.errors.contains("evaluation.cutoffs") && unfit.errors.contains("did you mean like?"))
  }

  @Test func aBatchBeyondTheDataIsSaid() throws {
    let check = try CommandRunner.run("check", "--config", world.config, "--data", world.dataset, "--set", "batch.users=1000")
    #expect(check.code == 0)
    for phase in ["universal", "like"] {
      let note = /note: batch.users is 1000, but only (\d+) users take part in (\w+): a step takes (\d+)/
      let said = check.errors.matches(of: note).filter { $0.output.2 == phase }
      #expect(said.count == 1 && said.allSatisfy { $0.output.1 == $0.output.3 }, "\(check.errors)")
    }
    #expect(try CommandRunner.run("check", "--config", world.config, "--data", world.dataset).errors.isEmpty)
  }

  @Test func wrongUsage() throws {
    for arguments in [["--ranks", "0"], ["--ranks-per-host", "0"], ["--gflops", "-1"], ["--gflops", "nan"]] {
      #expect(try CommandRunner.run(["check", "--config", world.config] + arguments).code == 64)
    }
    let missing = try CommandRunner.run("check", "--config", world.config, "--data", "none")
    #expect(missing.code == 65 && missing.errors.contains("none") && missing.output.isEmpty)
    let crowd = try CommandRunner.run("check", "--config", world.config, "--data", world.dataset, "--ranks", "9")
    #expect(crowd.code == 0 && crowd.errors.contains("only 4 of 9 ranks have users"))
  }
}
