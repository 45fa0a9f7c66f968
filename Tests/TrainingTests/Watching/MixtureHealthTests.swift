import Collectives
import Config
import Datasets
import Evaluation
import Foundation
import Model
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Runs
@testable import Training

/// How experts share out the items, told at the end of a phase, the same on any number of ranks.
struct MixtureHealthTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  private func health(_ model: PreciseModel) throws -> MixtureHealth {
    try #require(
      try MixtureHealth(model, world.dataset, communicator: SoloCommunicator(), workspace: Workspace(chunkBytes: 1 << 16)))
  }

  /// The lines of a run's log that have a field.
  private func lines(with field: String, _ run: TrainedRun) throws -> [[String: Any]] {
    try String(contentsOfFile: run.directory.metricsPath, encoding: .utf8).split(separator: "\n").compactMap {
      let line = try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      return line[field] == nil ? nil : line
    }
  }

  @Test func equalLogitsGiveTheFirstExpertsEqualWeights() throws {
    let model = try world.model(try world.config("model.experts=4", "model.active_experts=2"))
    model.parameters["fusion.gate.weight"].vector.clear()
    let found = try health(model)
    let withText = (0..<world.dataset.items.count).count { world.dataset.items.hasText($0) }
    #expect(found.items == withText && found.load == [0.5, 0.5, 0, 0])
    #expect(abs(found.gateEntropy - log(2)) < 1e-6 && found.gateEntropyLimit == log(2))
    // Every item weighs the experts alike, so no word marks any.
    #expect(found.words == [[], [], [], []])
  }

  @Test func theBiasMovesLoadAndEntropy() throws {
    let model = try world.model(try world.config("model.experts=4", "model.active_experts=2"))
    model.parameters["fusion.gate.weight"].vector.clear()
    let bias = model.parameters["fusion.gate.bias"].vector
    (bias[3], bias[1]) = (Float(log(3.0)) + 5, 5)
    let found = try health(model)
    #expect(found.load == [0, 0.5, 0, 0.5])
    #expect(abs(found.gateEntropy + 0.75 * log(0.75) + 0.25 * log(0.25)) < 1e-6)
  }

  @Test func wordsMarkTheExpertWhoseItemsHaveThem() {
    var words = ExpertWords(experts: 2)
    for _ in 0..<20 { words.add(["red", "shoe"], gates: [0.9, 0.1]) }
    for _ in 0..<20 { words.add(["blue", "shoe"], gates: [0.1, 0.9]) }
    words.add(["once"], gates: [1, 0])
    // Means 0.5122 and 0.4878; (20 · 0.9 + 10 · 0.5122) / (30 · 0.5122) = 1.505 and 1.088 for the word of a single item.
    #expect(words.marks(of: 0, mean: 21.0 / 41, count: 8) == ["red", "once"])
    #expect(words.marks(of: 1, mean: 20.0 / 41, count: 8) == ["blue", "shoe"])
    #expect(words.marks(of: 0, mean: 21.0 / 41, count: 1) == ["red"])
    #expect(words.marks(of: 0, mean: 0, count: 8) == [])
  }

  @Test func anyNumberOfRanksSaysTheSame() throws {
    let config = try world.config("model.experts=4", "model.active_experts=2", "universal.epochs=1")
    let run = try world.train(config, into: "run")
    let alone = try health(try run.model(try run.phase(named: "universal"), communicator: SoloCommunicator()))
    #expect(abs(alone.load.reduce(0, +) - 1) < 1e-12 && (0...alone.gateEntropyLimit).contains(alone.gateEntropy))
    #expect(alone.words.contains { !$0.isEmpty })
    for ranks in [2, 3] {
      let found = Mutex<[MixtureHealth?]>([])
      let dataset = world.dataset
      try RankThreads.run(ranks: ranks) { communicator in
        let model = try run.model(try run.phase(named: "universal"), communicator: communicator)
        let one = try MixtureHealth(model, dataset, communicator: communicator, workspace: Workspace(chunkBytes: 1 << 16))
        if communicator.rank == 0 { found.withLock { $0.append(one) } }
      }
      #expect(found.withLock { $0 } == [alone])
    }
  }

  @Test func theLogSaysItOnceAPhase() throws {
    let config = try world.config(
      "universal.epochs=2", "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 1, negatives: 40}]")
    let run = try world.train(config, into: "run")
    let ends = try lines(with: "expert_words", run)
    #expect(ends.compactMap { $0["phase"] as? String } == ["universal", "like"])
    #expect(ends.allSatisfy { ($0["expert_load"] as? [Double])?.count == 2 && $0["gate_entropy"] as? Double == 0 })
    let steps = try lines(with: "loss", run)
    for line in steps {
      let load = try #require(line["expert_load"] as? [Double])
      #expect(abs(load.reduce(0, +) - 1) < 1e-12)
      #expect(load.max() == line["busiest_expert"] as? Double)
    }
  }

  /// A line but for when it was written.
  private func withoutTime(_ line: [String: Any]) -> [String: Any] { line.filter { $0.key != "time" } }

  @Test func aStopBeforeTheEndSaysItOnceToo() throws {
    let config = try world.config("universal.epochs=2", "checkpoint.every_steps=2")
    _ = try world.train(config, into: "straight")
    var (end, legs): (Trainer.Outcome?, Int) = (nil, 0)
    while end != .finished, legs < 100 {
      legs += 1
      do {
        end = try world.leg(config, of: "legs", resuming: true, stopAfter: 3 + legs)
      } catch { #expect("\(error)".contains("stopped by"), "\(error)") }
    }
    #expect(legs > 1)
    let (legged, straight) = (
      try lines(with: "expert_words", try world.run("legs")).map(withoutTime),
      try lines(with: "expert_words", try world.run("straight")).map(withoutTime)
    )
    #expect(legged.count == 1 && NSArray(array: legged) == NSArray(array: straight))
  }

  @Test func aModelWithoutTextHasNoMixture() throws {
    let model = try world.model(try world.config("model.semantic_dim=0"))
    #expect(
      try MixtureHealth(model, world.dataset, communicator: SoloCommunicator(), workspace: Workspace(chunkBytes: 1 << 16)) == nil)
  }
}
