import Checkpoints
import Collectives
import Config
import Files
import Foundation
import Runs
import TestSupport
import Testing

@testable import Training

/// A step whose numbers go wrong changes nothing, is described, and ends the run or is left out, alike on any number of ranks.
struct FaultyStepsTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  private func json(_ path: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
  }

  private func fails(_ config: RunConfig, into name: String, ranks: Int) throws -> NotFiniteError {
    var found: NotFiniteError?
    do {
      _ = try world.leg(config, of: name, ranks: ranks)
    } catch {
      found = ((error as? RankFailure)?.cause ?? error) as? NotFiniteError
    }
    return try #require(found)
  }

  /// Rows that the first step makes far too large: the second step's embeddings are no numbers any more.
  @Test(arguments: [1, 2, 3]) func endsTheRunBeforeAnythingIsSaved(ranks: Int) throws {
    let config = try world.config("optimizer.id_learning_rate=1e37", "checkpoint.every_steps=1")
    let error = try fails(config, into: "diverged", ranks: ranks)
    #expect(error.phase == "universal" && error.step == 2 && error.userCount == 30)
    #expect("\(error)".contains("the embedding of item i"))
    #expect("\(error)".contains("lower optimizer.learning_rate"))
    #expect((1...3).contains(error.users.count))
    let run = try world.run("diverged")
    let kept = CheckpointStore(path: run.directory.checkpointsPath(phase: "universal")).all()
    #expect(kept.map(\.manifest.step) == [1] || kept.isEmpty)
    let bundle = try #require(error.bundle)
    let report = try json("\(bundle)/report.json")
    #expect(report["step"] as? Int == 2 && report["ranks"] as? Int == ranks)
    var users: [String] = []
    for rank in 0..<ranks {
      let part = try json("\(bundle)/rank-0000\(rank).json")
      users += try #require(part["users"] as? [String])
      let tensors = try #require(part["tensors"] as? [[String: Any]])
      #expect(!tensors.isEmpty)
    }
    #expect(users.count == 30 && Set(users).isSuperset(of: error.users))
    let dense = try SafetensorsFile(path: "\(bundle)/dense.safetensors")
    #expect(dense.tensors["user.head.weight"] == nil && dense.tensors["fusion.gate.weight.gradient"] != nil)
    // Nothing half-written stands beside it.
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.directory.diagnosticsPath) == ["universal-step-2"])
  }

  @Test func theBundleCannotHideTheFault() throws {
    let config = try world.config("optimizer.id_learning_rate=1e37")
    let directory = try world.directory("blocked")
    try Data().write(to: URL(fileURLWithPath: directory.diagnosticsPath))
    let error = try fails(config, into: "blocked", ranks: 2)
    #expect(error.step == 2 && error.bundle == nil)
  }

  /// One item's states are too large for any sum: its batches are left out, all others train.
  @Test func stepsAreLeftOutAlikeOnAnyNumberOfRanks() throws {
    let item = try world.poisonRarestItem()
    let config = try world.config(
      "guards.skip_nonfinite=50", "batch.users=4", "universal.negatives=8", "universal.epochs=2", "universal.log_q=false",
      "evaluation.every_epochs=0", "universal.token_freeze=0", "checkpoint.every_steps=5")
    let runs = try [1, 2, 3].map { try world.train(config, into: "ranks-\($0)", ranks: $0) }
    let skipped = try column("skipped", of: "universal", runs[0]).reduce(0, +)
    let losses = try runs.map { try column("loss", of: "universal", $0) }
    #expect(skipped > 0 && !losses[0].isEmpty)
    for (run, loss) in zip(runs, losses) {
      #expect(try column("skipped", of: "universal", run).reduce(0, +) == skipped)
      #expect(loss.count == losses[0].count && zip(loss, losses[0]).allSatisfy { abs($0 - $1) <= 1e-4 * abs($1) })
    }
    let last = try #require(CheckpointStore(path: runs[0].directory.checkpointsPath(phase: "universal")).all().last)
    // A step that was left out is no update of AdamW's.
    #expect(last.manifest.updates == last.manifest.step - Int(skipped))
    let model = try world.model(config)
    let before = numbers(model)
    try last.load(into: CheckpointContents(reading: model), communicator: SoloCommunicator())
    let after = numbers(model)
    #expect(after.allSatisfy { $0.value.allSatisfy(\.isFinite) })
    let width = config.model.idDim
    #expect(after["ids"]?[(item * width)..<((item + 1) * width)] == before["ids"]?[(item * width)..<((item + 1) * width)])
    // Bundles do not pile up.
    let bundles = try FileManager.default.contentsOfDirectory(atPath: runs[0].directory.diagnosticsPath)
    #expect(bundles.count == min(Int(skipped), 8))
  }

  @Test func tooManyInARowEndTheRun() throws {
    let config = try world.config("optimizer.id_learning_rate=1e37", "guards.skip_nonfinite=3")
    #expect(try fails(config, into: "stuck", ranks: 2).step == 5)
  }
}
