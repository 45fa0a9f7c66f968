import Config
import Foundation
import Host
import Runs
import TestSupport
import Testing
import Training

@testable import Costs

/// What `precise check` says of a whole run against a run that was made.
struct RunEstimateTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  private func estimate(_ config: RunConfig, ranks: Int = 1) throws -> RunEstimate {
    try RunEstimate(config, world.dataset, StepEstimate.all(config, world.dataset, ranks: ranks))
  }

  /// The lines of a run's metrics that a phase has, by a key that only one kind of them has.
  private func lines(_ run: TrainedRun, _ phase: String, with key: String) throws -> [[String: Any]] {
    let text = try String(contentsOfFile: "\(run.directory.path)/metrics.jsonl", encoding: .utf8)
    let all = try text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    return all.filter { $0["phase"] as? String == phase && $0[key] != nil }
  }

  /// The bytes of a checkpoint's tensors, without headers and records.
  private func tensorBytes(_ checkpoint: String) throws -> Int {
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint).filter { $0.hasSuffix(".safetensors") }
    return try names.reduce(0) { sum, name in
      let data = try Data(contentsOf: URL(fileURLWithPath: "\(checkpoint)/\(name)"))
      let header = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
      return sum + data.count - 8 - header
    }
  }

  @Test func stepsEvaluationsAndCheckpointsAreThoseOfTraining() throws {
    var config = try world.config(
      "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 3}]", "evaluation.every_epochs=2",
      "universal.epochs=5")
    config.checkpoint.keepLast = 1000
    let estimate = try estimate(config)
    let run = try world.train(config, into: "run")
    #expect(estimate.phases.map(\.keyPath) == ["universal", "targeted.0"])
    for phase in estimate.phases {
      let name = phase.estimate.phase
      let steps = try lines(run, name, with: "loss").compactMap { $0["step"] as? Int }
      #expect(phase.steps == steps.max() && phase.epochs == (name == "like" ? 3 : 5))
      let evaluations = try lines(run, name, with: "evaluation_s")
      #expect(phase.evaluations == evaluations.count && phase.evaluated == evaluations.first?["users"] as? Int, "\(name)")
      let folder = "\(run.directory.path)/checkpoints/\(name)"
      let checkpoints = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(checkpoints.count <= phase.checkpoints && !checkpoints.isEmpty)
      let bytes = try tensorBytes("\(folder)/\(#require(checkpoints.last))")
      // Dense parameters are padded in memory, and not on the disk.
      #expect(abs(phase.checkpointBytes - Double(bytes)) < 0.02 * Double(bytes), "\(name): \(phase.checkpointBytes), \(bytes)")
    }
    #expect(estimate.steps == estimate.phases.compactMap(\.steps).reduce(0, +))
  }

  @Test func stepsThatAreGivenCount() throws {
    let config = try world.config("universal.steps=7", "evaluation.every_epochs=0")
    let phase = try estimate(config).phases[0]
    #expect(phase.steps == 7 && phase.epochs == nil && phase.evaluations == 1)
    let none = try estimate(try world.config("universal.epochs=0"))
    #expect(none.steps == 0 && none.phases[0].evaluations == 1)
  }

  @Test func withoutADataSetEpochsAreNoSteps() throws {
    let config = try world.config()
    let made = try RunEstimate(config, nil, StepEstimate.all(config, nil, ranks: 2))
    #expect(made.steps == nil && made.seconds(on: .init(gigabits: 10), .init()) == nil && made.checkpointBytes > 0)
    let counted = try world.config("universal.steps=100")
    let steps = try RunEstimate(counted, nil, StepEstimate.all(counted, nil, ranks: 2))
    let seconds = try #require(steps.seconds(on: .init(gigabits: 10), .init()))
    let step = steps.phases[0].estimate.time(on: .init(gigabits: 10), .init()).total
    #expect(steps.steps == 100 && abs(seconds.total - 100 * step) < 1e-9 && seconds.evaluations == 0)
  }

  @Test func timeFollowsUsersItemsAndRanks() throws {
    let config = try world.config()
    let (one, two) = (try estimate(config), try estimate(config, ranks: 2))
    let network = StepEstimate.Network(gigabits: 10, ranksPerHost: 2)
    let (alone, both) = (one.phases[0].estimate, two.phases[0].estimate)
    func seconds(_ estimate: StepEstimate, _ users: Int, _ budget: Double = 1e9) -> Double {
      estimate.evaluationSeconds(users: users, budget: budget, on: network, .init())
    }
    #expect(seconds(alone, 20_000) > 1.9 * seconds(alone, 10_000))
    #expect(seconds(both, 20_000) < 0.6 * seconds(alone, 20_000))
    // A catalogue that is not held, even so small a one, is formed once a round of users.
    #expect(seconds(alone, 20_000, 0) > 1.1 * seconds(alone, 20_000))
    #expect(alone.blendSeconds(evaluated: 1000, budget: 1e9, on: network, .init()) == 0, "no text is blended in")
    let total = try #require(one.seconds(on: network, .init()))
    #expect(total.total == total.steps + total.evaluations + total.blending && total.steps > 0 && total.evaluations > 0)
  }

  /// The speed that is given is that of whole steps; the one that is timed is of products, and other work comes on top.
  @Test func speedsThatAreGivenAndTimed() throws {
    let estimate = try estimate(try world.config()).phases[0].estimate
    var constants = StepEstimate.Constants()
    constants.gigaflops = 50
    let given = estimate.time(on: .init(gigabits: 10), constants)
    #expect(given.compute == estimate.gigaflop / 50 && given.moved == 0)
    constants.gigaflops = nil
    let before = estimate.time(on: .init(gigabits: 10), constants)
    try constants.measureProducts(ranks: 2, .fp32)
    #expect(constants.peak > 0.01 && constants.peak < 10_000 && constants != StepEstimate.Constants())
    let timed = estimate.time(on: .init(gigabits: 10), constants)
    #expect(timed.moved == before.moved && timed.moved > 0)
    #expect(abs(timed.products / before.products - 265 / constants.peak) < 1e-6)
  }
}
