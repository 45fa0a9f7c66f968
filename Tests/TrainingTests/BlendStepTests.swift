import Collectives
import Config
import Datasets
import Files
import Foundation
import Model
import Runs
import Tensors
import TestSupport
import Testing
import Texts
import Training

@testable import Checkpoints
@testable import Evaluation

/// What follows a trained phase: its scores are blended with the text of items.
struct BlendStepTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  private func config(_ changes: String...) throws -> RunConfig {
    var config = try world.config(
      "universal.epochs=2", "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 1, negatives: 40}]")
    if changes.contains("paper") { config.model.fusion = .paper }
    return config
  }

  /// Gives the data set text vectors, as `precise encode` does besides token states.
  private func writeVectors(of record: EncodingRecord? = nil) throws {
    let (dataset, items) = (world.dataset, DatasetItems(world.dataset))
    try TextVectors.write(
      folder: dataset.path, items: items, itemTableChecksum: items.checksum,
      record: record ?? EncodingRecord(folder: dataset.path), states: TokenStates(dataset: dataset))
  }

  private var vectorsPath: String { "\(world.dataset.path)/\(TextVectors.fileName)" }

  private func manifests(_ run: TrainedRun) throws -> [CheckpointManifest] {
    try run.trainedPhases.map { try run.checkpoint($0).manifest }
  }

  private func copy(_ name: String, to other: String) throws {
    let path = try world.run(name).directory.path
    try FileManager.default.copyItem(atPath: path, toPath: path.replacingOccurrences(of: "/\(name)", with: "/\(other)"))
  }

  @Test func everyPhaseEndsWithABlendThatEvaluationUses() throws {
    try writeVectors()
    let run = try world.train(try config(), into: "blended")
    let blends = try manifests(run).map { try #require($0.blend) }
    let vectors = try #require(try TextVectors(dataset: world.dataset))
    #expect(blends.count == 2 && blends.allSatisfy { $0.vectors == vectors.identity && $0.isPlausible })
    #expect(blends.contains { $0.cells.contains { $0.strength > 0 } })
    for plan in try run.trainedPhases {
      let text = try #require(try run.text(plan))
      let model = try run.model(plan, communicator: SoloCommunicator())
      let evaluator = Evaluator(
        world.dataset, shards: 0..<world.dataset.shardCount, cutoffs: [5, 10], communicator: SoloCommunicator(), text: text)
      let expected = try evaluator.evaluate(model, plan.task(.test, filterSeen: false), workspace: Workspace())
      let found = try RunEvaluation(run, baselines: false).evaluate(plan, .test)[0]
      #expect(found.phase == plan.name)
      #expect(found.metrics.value(of: "ndcg@10") == expected.value(of: "ndcg@10"), "\(plan.name)")
    }
    // All that was there before the manifest was written again is whole.
    for plan in try run.trainedPhases { try run.checkpoint(plan).verify() }
  }

  /// What `cold_start` asks for is in the blend.
  @Test func coldStartIsFollowed() throws {
    try writeVectors()
    var asked = try config()
    let plain = try manifests(try world.train(asked, into: "plain")).compactMap(\.blend)
    asked.coldStart.pseudoCount = 3
    let counted = try manifests(try world.train(asked, into: "counted")).compactMap(\.blend)
    #expect(plain.count == 2 && counted.count == 2)
    #expect(zip(plain, counted).contains { $0.unseenScale != $1.unseenScale } && counted.allSatisfy { $0.tailTemper == nil })
    asked.coldStart.tailTemper = 0.5
    let tempered = try world.train(asked, into: "tempered")
    for plan in try tempered.trainedPhases {
      let result = try #require(try BlendStep.refit(plan, of: tempered, communicator: SoloCommunicator()))
      // Where scores of rare items spread no less, there is nothing to bring up.
      #expect(result.isLeftUntempered == (result.blend.tailTemper == nil) && result.blend.tailTemper?.power ?? 0.5 == 0.5)
    }
  }

  /// The paper's scores alone: nothing that is trained depends on the blend, which comes afterwards.
  @Test func thePapersFusionGivesTheNumbersWithoutIt() throws {
    let without = try world.train(try config(), into: "without")
    #expect(try manifests(without).allSatisfy { $0.blend == nil })
    try writeVectors()
    let paper = try world.train(try config("paper"), into: "paper")
    let blended = try world.train(try config(), into: "blended")
    #expect(try manifests(paper).allSatisfy { $0.blend == nil } && paper.textVectors == nil)
    #expect(try manifests(blended).allSatisfy { $0.blend != nil })
    for plan in try without.trainedPhases {
      let plain = try without.model(plan, communicator: SoloCommunicator())
      for other in [paper, blended] {
        #expect(try numbers(other.model(plan, communicator: SoloCommunicator())) == numbers(plain), "\(plan.name)")
        #expect(try column("loss", of: plan.name, other) == column("loss", of: plan.name, without))
        #expect(try column("ndcg@10", of: plan.name, other) == column("ndcg@10", of: plan.name, without))
      }
      let measured = try [without, paper, blended].map {
        try RunEvaluation($0, baselines: false).evaluate($0.phase(named: plan.name), .validation)[0].metrics
      }
      #expect(measured[1] == measured[0])
      #expect(plan.name == "like" || measured[2] != measured[0])
    }
  }

  /// As an earlier version left it, or one that was stopped before: finished, and without a blend.
  @Test func aFinishedRunGetsItsBlendWhenItGoesOn() throws {
    _ = try world.train(try config(), into: "alone")
    for ranks in [1, 2, 3] { try copy("alone", to: "on-\(ranks)") }
    try writeVectors()
    let straight = try manifests(world.train(try config(), into: "straight"))
    for ranks in [1, 2, 3] {
      #expect(try world.leg(config(), of: "on-\(ranks)", ranks: ranks, resuming: true) == .finished)
      // Not only the weights: everything that the manifests say.
      #expect(try manifests(world.run("on-\(ranks)")) == straight, "\(ranks) ranks")
    }
    // Asked again, it stays as it is.
    #expect(try world.leg(config(), of: "on-1", resuming: true) == .finished)
    #expect(try manifests(world.run("on-1")) == straight)
  }

  @Test(arguments: [1, 3]) func aStopWhileBlendingIsMadeUpFor(ranks: Int) throws {
    _ = try world.train(try config(), into: "stopped")
    try writeVectors()
    let straight = try manifests(world.train(try config(), into: "straight"))
    var stops = 0
    for asked in 1...20 {
      do {
        if try world.leg(config(), of: "stopped", ranks: ranks, resuming: true, stopAfter: asked) == .finished { break }
      } catch {
        #expect("\(error)".contains("stopped by"), "\(error)")
        if "\(error)".contains("while scores were blended with text; the phase is trained and saved") { stops += 1 }
      }
    }
    #expect(stops > 0)
    #expect(try world.leg(config(), of: "stopped", ranks: ranks, resuming: true) == .finished)
    #expect(try manifests(world.run("stopped")) == straight)
  }

  /// `precise blend` fits anew: what training fits, over what is there; to a run of the paper's scores too, if it is told so.
  @Test func aTrainedRunIsBlendedAnew() throws {
    try writeVectors()
    let straight = try world.train(try config(), into: "straight")
    let expected = try manifests(straight)
    let path = straight.directory.path
    for ranks in [1, 3] {
      for changes in [["cold_start.pseudo_count=2", "evaluation.select_by=mrr"], []] {
        try RankThreads.run(ranks: ranks) { communicator in
          let run = try TrainedRun(path: path, overrides: changes)
          for plan in try run.trainedPhases {
            let fit = try #require(try BlendStep.refit(plan, of: run, communicator: communicator))
            #expect(fit.metric == (changes.isEmpty ? "ndcg@10" : "mrr"))
          }
        }
        #expect((try manifests(world.run("straight")) == expected) == changes.isEmpty, "\(ranks) ranks, \(changes)")
      }
    }
    let paper = try world.train(try config("paper"), into: "paper")
    let plan = try paper.phase(named: "universal")
    let error = #expect(throws: InputError.self) { try BlendStep.refit(plan, of: paper, communicator: SoloCommunicator()) }
    #expect(error?.description.contains("model.fusion") == true)
    let told = try TrainedRun(path: paper.directory.path, overrides: ["model.fusion=similarity"])
    let fit = try #require(try BlendStep.refit(plan, of: told, communicator: SoloCommunicator()))
    #expect(fit.blend.cells == expected[0].blend?.cells)
    // From now on it is measured with it.
    #expect(try world.run("paper").text(plan)?.blend.cells == fit.blend.cells)
    #expect(throws: Never.self) { try RunEvaluation(world.run("paper"), baselines: false).evaluate(plan, .validation) }
  }

  /// A data set that was encoded by an earlier version: as good as before, and nothing else.
  @Test func aDataSetWithoutVectorsIsMeasuredAsBefore() throws {
    let run = try world.train(try config(), into: "plain")
    #expect(try run.textVectors == nil && run.text(run.phase(named: nil)) == nil)
    let plan = try run.phase(named: "universal")
    let expected = try world.metrics(
      run.model(plan, communicator: SoloCommunicator()), plan.task(.validation, filterSeen: false))
    let found = try RunEvaluation(run, baselines: false).evaluate(plan, .validation)[0].metrics
    #expect(found.value(of: "mrr") == expected.value(of: "mrr"))
  }

  @Test func vectorsThatItWasNotFittedWithAreRefused() throws {
    try writeVectors()
    let run = try world.train(try config(), into: "blended")
    let (plan, fitted) = (try run.phase(named: "universal"), try manifests(run))
    let checkpoint = try run.checkpoint(plan)
    // As if it had been fitted when the data set was encoded otherwise.
    var other = try #require(checkpoint.manifest.blend)
    other.vectors = "1-00c0ffee"
    _ = try checkpoint.blended(other)
    let refusal = InputError(
      "the scores of \(checkpoint.path) are blended with text vectors (1-00c0ffee) that \(vectorsPath) does not hold; "
        + "encode the data set in the same way")
    #expect(throws: refusal) { try world.run("blended").text(plan) }
    #expect(throws: refusal) { try RunEvaluation(world.run("blended")).evaluate(plan, .test) }
    // Going on, it is fitted to those that are there.
    #expect(try world.leg(config(), of: "blended", resuming: true) == .finished)
    #expect(try manifests(world.run("blended")) == fitted)
    try FileManager.default.removeItem(atPath: vectorsPath)
    #expect(throws: InputError.self) { try world.run("blended").text(plan) }
  }

  /// A damaged file is said when the run is opened, and when one is trained.
  @Test func damagedVectorsAreRefused() throws {
    try writeVectors()
    _ = try world.train(try config(), into: "blended")
    let whole = try Data(contentsOf: URL(fileURLWithPath: vectorsPath))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: vectorsPath))
    let error = #expect(throws: InputError.self) { try world.run("blended") }
    #expect(error?.description.hasPrefix(vectorsPath) == true)
    #expect(throws: (any Error).self) { try world.leg(config(), of: "other") }
  }
}
