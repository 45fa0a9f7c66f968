import Checkpoints
import Config
import Foundation
import Reporting
import Runs
import Testing

@testable import Training

/// `evaluation.patience`: a phase that no longer becomes better ends, the same way however often it is interrupted.
struct EarlyStoppingTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld() }

  /// A learning rate that changes nothing: the first evaluation is the best one.
  private func config(patience: Int) throws -> RunConfig {
    try world.config(
      "universal.epochs=8", "evaluation.patience=\(patience)", "optimizer.learning_rate=1e-12",
      "optimizer.id_learning_rate=1e-12",
      "optimizer.token_learning_rate=1e-12", "checkpoint.every_steps=3", "log.every_steps=1")
  }

  private func history(_ name: String) throws -> RunHistory.Phase {
    let run = try world.run(name)
    return try #require(RunHistory(path: run.directory.metricsPath)[phase: "universal"])
  }

  @Test func aPhaseEndsWhenNothingBecomesBetter() throws {
    _ = try world.train(try config(patience: 2), into: "early")
    let phase = try history("early")
    let epoch = try #require(phase.begins.first?.record.stepsPerEpoch)
    let end = try #require(phase.end?.record)
    let best = try #require(phase.best("ndcg@10")).record.step
    #expect(end.end == "patience" && end.step == best + 2 * epoch && end.resultStep == best)
    #expect(phase.steps.map(\.record.step) == Array(1...end.step))
    // The last step's model is kept, so that more patience goes on from there.
    let run = try world.run("early")
    let store = CheckpointStore(path: run.directory.checkpointsPath(phase: "universal"))
    #expect(store.all().map(\.manifest.step).contains(end.step))
    #expect(try run.checkpoint(try run.phase(named: "universal")).manifest.step == best)
    #expect(try RunState(run.directory, run.config, RunHistory(path: run.directory.metricsPath)) == .finished)
  }

  @Test func interruptionsChangeNothing() throws {
    _ = try world.train(try config(patience: 2), into: "straight")
    var (end, legs): (Trainer.Outcome?, Int) = (nil, 0)
    while end != .finished, legs < 100 {
      legs += 1
      do {
        end = try world.leg(try config(patience: 2), of: "legs", resuming: true, stopAfter: 4 + legs)
      } catch { #expect("\(error)".contains("stopped by"), "\(error)") }
    }
    #expect(legs > 1)
    let (straight, legged) = (try history("straight"), try history("legs"))
    #expect(legged.end?.record == straight.end?.record)
    #expect(legged.steps.map(\.record.step) == straight.steps.map(\.record.step))
    #expect(legged.evaluations.map(\.record.step) == straight.evaluations.map(\.record.step))
  }

  @Test func morePatienceGoesOn() throws {
    _ = try world.train(try config(patience: 1), into: "more")
    let before = try #require(try history("more").end?.record.step)
    #expect(try world.leg(try config(patience: 3), of: "more", resuming: true) == .finished)
    let phase = try history("more")
    let after = try #require(phase.end?.record)
    let epoch = try #require(phase.begins.first?.record.stepsPerEpoch)
    #expect(after.step == before + 2 * epoch && phase.steps.map(\.record.step) == Array(1...after.step))
  }

  @Test(arguments: [1, 2]) func ranksEndAtTheSameStep(ranks: Int) throws {
    _ = try world.train(try config(patience: 1), into: "ranks", ranks: ranks)
    let phase = try history("ranks")
    let times = try #require(phase.rankTimes.last?.record)
    #expect(times.rankMs.count == ranks && times.rankWaitMs.count == ranks && times.parts.count == times.rankMs[0].count)
    #expect(times.rankMs.allSatisfy { $0.allSatisfy { $0 >= 0 } && $0.reduce(0, +) > 0 })
    let evaluated = phase.evaluations.map(\.record.step)
    #expect(phase.rankTimes.map(\.record.step) == evaluated)
    #expect(phase.rankTimes.map(\.record.timedSteps).reduce(0, +) == phase.end?.record.step)
  }
}
