import Checkpoints
import Collectives
import Config
import Evaluation
import Files
import Foundation
import Model
import Runs
import Synchronization
import TestSupport
import Testing
import Training

/// A run that is stopped and goes on is the run that was never stopped.
struct ResumeTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  /// Two phases, with token states that are trained from the middle of the first.
  private func config(_ changes: String...) throws -> RunConfig {
    var config = try world.config(
      "universal.epochs=3", "checkpoint.every_steps=2", "checkpoint.keep_last=2",
      "targeted=[{name: like, behavior: \(world.behavior), history: all, epochs: 2, negatives: 40}]")
    for change in changes where change == "synchronous" { config.checkpoint.asynchronous = false }
    return config
  }

  /// All numbers that a run leaves behind, by phase.
  private func files(_ run: TrainedRun) throws -> [String: [Data]] {
    try Dictionary(
      uniqueKeysWithValues: ["universal", "like"].map { phase in
        let path = try #require(CheckpointStore(path: run.directory.checkpointsPath(phase: phase)).all().last).path
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        return (phase, try names.map { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)")) })
      })
  }

  private func losses(_ run: TrainedRun) throws -> [[Double]] {
    try ["universal", "like"].map { try column("loss", of: $0, run) }
  }

  /// Stops that fall into loading, steps, savings and evaluations of both phases: everywhere.
  @Test(arguments: [(1, "asynchronous", 3), (1, "synchronous", 5), (2, "asynchronous", 4), (3, "asynchronous", 7)])
  func legsAreBitIdenticalToTheStraightRun(ranks: Int, mode: String, asked: Int) throws {
    let config = try config(mode)
    let straight = try world.train(config, into: "straight", ranks: ranks)
    var (legs, stops) = (0, 0)
    var end: Trainer.Outcome?
    while end != .finished {
      legs += 1
      try #require(legs < 100, "a run that gets nowhere")
      do {
        end = try world.leg(config, of: "legs", ranks: ranks, resuming: true, stopAfter: asked + legs)
      } catch {
        #expect("\(error)".contains("stopped by"), "\(error)")
      }
      if end != .finished { stops += 1 }
    }
    #expect(stops >= 2)
    let run = try world.run("legs")
    #expect(try files(run) == files(straight))
    #expect(try losses(run) == losses(straight))
    #expect(try column("step", of: "universal", run) == column("step", of: "universal", run).sorted())
    let again = try world.leg(config, of: "legs", ranks: ranks, resuming: true)
    #expect(again == .finished)
    #expect(try files(run) == files(straight))
  }

  /// The next step's numbers travel ahead of it; a run that stops before that step waits for them, on whatever step it is.
  @Test(arguments: [2, 3]) func aStopLeavesNothingUnderWay(ranks: Int) throws {
    let config = try config()
    for asked in 8..<16 {
      let count = WatchedCommunicator.Count()
      let end = try world.leg(
        config, of: "stop-\(asked)", ranks: ranks, stopAfter: asked, over: { WatchedCommunicator($0, count: count) })
      #expect(end != .finished)
      #expect(count.prefetched.load(ordering: .relaxed) > 0)
      #expect(count.started.load(ordering: .relaxed) == count.done.load(ordering: .relaxed))
    }
  }

  @Test func everyLegOnAnotherNumberOfRanks() throws {
    let config = try config()
    let straight = try losses(world.train(config, into: "straight"))
    for (leg, ranks) in [1, 2, 4, 3, 1].enumerated() {
      do {
        let end = try world.leg(config, of: "chain", ranks: ranks, resuming: true, stopAfter: leg == 4 ? .max : 8)
        #expect((end == .finished) == (leg == 4))
      } catch {
        // Between two phases there is nothing to save.
        #expect("\(error)".contains("stopped by"), "\(error)")
      }
    }
    let chain = try losses(world.run("chain"))
    #expect(chain.map(\.count) == straight.map(\.count))
    for (phase, reference) in zip(chain, straight) {
      for (loss, expected) in zip(phase, reference) { #expect(abs(loss - expected) <= 1e-4 * abs(expected)) }
    }
  }

  @Test(arguments: ["items-00000.safetensors", "manifest.json"])
  func aDamagedCheckpointIsPassedOver(name: String) throws {
    let config = try config()
    let straight = try world.train(config, into: "straight")
    _ = try world.leg(config, of: "damaged", stopAfter: 12)
    let run = try world.run("damaged")
    let store = CheckpointStore(path: run.directory.checkpointsPath(phase: "universal"))
    #expect(store.all().count >= 2)
    let newest = try #require(store.all().last)
    let file = URL(fileURLWithPath: "\(newest.path)/\(name)")
    if name == "manifest.json" {
      try FileManager.default.removeItem(at: file)
    } else {
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count - 1] ^= 4
      try bytes.write(to: file)
    }
    #expect(try world.leg(config, of: "damaged", resuming: true) == .finished)
    // Neither in the way of the new one nor lost.
    let aside = newest.path.replacingOccurrences(of: "step-", with: "damaged-step-")
    #expect(FileManager.default.fileExists(atPath: aside))
    #expect(try files(run) == files(straight))
    #expect(try losses(run) == losses(straight))
  }

  /// The best is read only when its phase has ended, perhaps days later.
  @Test(arguments: [1, 2]) func aDamagedResultIsFoundAtTheStart(ranks: Int) throws {
    let config = try config()
    _ = try world.leg(config, of: "best", stopAfter: 12)
    let store = CheckpointStore(path: try world.run("best").directory.checkpointsPath(phase: "universal"))
    // Of the checkpoints that are there, the oldest becomes the best.
    let oldest = try #require(store.all().first).evaluated(by: "ndcg@10", score: 1)
    let newest = try #require(store.all().last)
    #expect(oldest.path != newest.path)
    let file = URL(fileURLWithPath: "\(oldest.path)/dense.safetensors")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 4
    try bytes.write(to: file)
    let lines = try String(contentsOfFile: world.run("best").directory.metricsPath, encoding: .utf8)
    let error = #expect(throws: (any Error).self) { try world.leg(config, of: "best", ranks: ranks, resuming: true) }
    #expect("\(error as Any)".contains("moving \(oldest.path) away makes the next best the phase's result"))
    #expect(try String(contentsOfFile: world.run("best").directory.metricsPath, encoding: .utf8) == lines)
    try FileManager.default.removeItem(atPath: oldest.path)
    #expect(try world.leg(config, of: "best", ranks: ranks, resuming: true) == .finished)
  }

  @Test func withoutAWholeCheckpointNothingIsBegunAnew() throws {
    let config = try config()
    _ = try world.leg(config, of: "broken", stopAfter: 12)
    let store = CheckpointStore(path: try world.run("broken").directory.checkpointsPath(phase: "universal"))
    for checkpoint in store.all() { try Data().write(to: URL(fileURLWithPath: "\(checkpoint.path)/manifest.json")) }
    let error = #expect(throws: InputError.self) { try world.leg(config, of: "broken", resuming: true) }
    #expect(error?.description.contains("--overwrite") == true)
  }

  @Test func anotherConfigurationIsRefusedKeyByKey() throws {
    _ = try world.leg(try config(), of: "changed", stopAfter: 9)
    var other = try config()
    (other.seed, other.optimizer.learningRate, other.checkpoint.keepLast) = (6, 0.5, 9)
    let error = #expect(throws: ConfigProblems.self) { try world.leg(other, of: "changed", resuming: true) }
    #expect(error?.problems.map(\.keyPath) == ["optimizer.learning_rate", "seed"])
    other = try config()
    (other.checkpoint.everySteps, other.log.everySteps, other.compute.overlap) = (3, 2, false)
    #expect(try world.leg(other, of: "changed", resuming: true) == .finished)
  }

  @Test func aSavingThatFailsIsOnlyFatalWhenItMustExist() throws {
    let config = try config()
    _ = try world.leg(config, of: "blocked", stopAfter: 2)
    let folder = try world.run("blocked").directory.checkpointsPath(phase: "universal")
    // A file where the folder is to be: nothing can be written there, not even by root.
    try? FileManager.default.removeItem(atPath: folder)
    try Data().write(to: URL(fileURLWithPath: folder))
    let error = #expect(throws: (any Error).self) { try world.leg(config, of: "blocked", ranks: 2) }
    #expect(
      "\(try #require(error))".contains(
        "the checkpoint after step \(try column("step", of: "universal", world.run("blocked")).max().map(Int.init) ?? 0)"))
  }

  @Test func anEvaluationThatIsMadeAgainStandsThereOnce() throws {
    let config = try config()
    let straight = try world.train(config, into: "straight")
    var (stopped, unjudged): (Int, Checkpoint?) = (2, nil)
    while unjudged == nil {
      stopped += 1
      try? FileManager.default.removeItem(atPath: straight.directory.path + "/../evaluated")
      _ = try? world.leg(config, of: "evaluated", stopAfter: stopped)
      let store = CheckpointStore(path: try world.run("evaluated").directory.checkpointsPath(phase: "universal"))
      unjudged = store.all().last.flatMap { $0.manifest.isEvaluated ? nil : $0 }
      try #require(stopped < 60, "no stop falls into an evaluation")
    }
    // Killed between the evaluation's line and the checkpoint's new manifest.
    let run = try world.run("evaluated")
    let step = try #require(unjudged).manifest.step
    let all = try String(contentsOfFile: straight.directory.metricsPath, encoding: .utf8).split(separator: "\n")
    let line = try #require(all.first { $0.contains("\"step\":\(step),\"split\"") })
    let metrics = try FileHandle(forWritingTo: URL(fileURLWithPath: run.directory.metricsPath))
    try metrics.seekToEnd()
    try metrics.write(contentsOf: Data("\(line)\n".utf8))
    #expect(try world.leg(config, of: "evaluated", resuming: true) == .finished)
    let lines = try String(contentsOfFile: run.directory.metricsPath, encoding: .utf8).split(separator: "\n")
    #expect(lines.count { $0.contains("\"split\"") } == all.count { $0.contains("\"split\"") })
    #expect(try files(run) == files(straight))
  }

  @Test func anOlderRunIsClearedOfWhatARunWritesOnly() throws {
    _ = try world.leg(try config(), of: "cleared", stopAfter: 9)
    let directory = try world.run("cleared").directory
    try Data("mine".utf8).write(to: URL(fileURLWithPath: "\(directory.path)/notes.txt"))
    try directory.clear()
    // What it was bound to stays until the next run takes that place: at no moment is there neither.
    #expect(directory.exists)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    #expect(names == ["config.yaml", "notes.txt", "run.json", "train.lock"])
  }

  @Test func aPhaseThatBeginsAnewHasNoOlderResult() throws {
    let run = try world.train(try config(), into: "again")
    let store = CheckpointStore(path: run.directory.checkpointsPath(phase: "like"))
    var other = try config()
    // So far off that no model of it is better than the older ones.
    other.targeted[0].learningRateScale = 1000
    #expect(try world.leg(other, of: "again", only: "like", ranks: 2) == .finished)
    let trained = try store.all().map { try ConfigReader.read(text: $0.configuration(), name: "config.yaml") }
    #expect(!trained.isEmpty && trained.allSatisfy { $0 == other })
  }

  @Test func whatAKilledRunLeftBehindGoes() throws {
    let config = try config()
    _ = try world.leg(config, of: "killed", stopAfter: 9)
    let run = try world.run("killed")
    let store = CheckpointStore(path: run.directory.checkpointsPath(phase: "universal"))
    for name in [".step-00000099.0A1B2C3D.tmp", ".step-00000002.removed"] {
      try FileManager.default.createDirectory(atPath: "\(store.path)/\(name)", withIntermediateDirectories: true)
    }
    // A line that was being written, and one of a step that is made again.
    let metrics = try FileHandle(forWritingTo: URL(fileURLWithPath: run.directory.metricsPath))
    try metrics.seekToEnd()
    try metrics.write(contentsOf: Data("{\"phase\":\"universal\",\"step\":99,\"loss\":1}\n{\"phase\":\"univ".utf8))
    #expect(try world.leg(config, of: "killed", resuming: true) == .finished)
    let steps = try column("step", of: "universal", run)
    #expect(!steps.contains(99))
    let names = try FileManager.default.contentsOfDirectory(atPath: store.path)
    #expect(names.allSatisfy { $0.hasPrefix("step-") }, "\(names)")
  }

  @Test func aModelIsBuiltByItsCheckpointsOwnConfiguration() throws {
    let run = try world.train(try config(), into: "own")
    let plan = try run.phase(named: "universal")
    let model = try run.model(plan, communicator: SoloCommunicator())
    // As earlier versions let a second command change it.
    let text = try String(contentsOfFile: run.directory.configPath, encoding: .utf8)
    try Data(text.replacingOccurrences(of: "heads: 2", with: "heads: 4").utf8).write(
      to: URL(fileURLWithPath: run.directory.configPath))
    let again = try world.run("own")
    #expect(again.config.model.heads == 4)
    let same = try again.model(try again.phase(named: "universal"), communicator: SoloCommunicator())
    #expect(same.shape.heads == 2 && model.shape.heads == 2)
    let task = plan.task(.validation, filterSeen: false)
    #expect(try world.metrics(same, task).value(of: "mrr") == world.metrics(model, task).value(of: "mrr"))
    let error = #expect(throws: ConfigProblems.self) { try world.leg(again.config, of: "own", only: "like") }
    #expect(error?.problems.map(\.keyPath) == ["model.heads"])
  }

  @Test func resumingAPhaseKeepsTheOthersLines() throws {
    var config = try config()
    config.log.tensorboard = true
    let run = try world.train(config, into: "lines")
    let lines = { try String(contentsOfFile: run.directory.metricsPath, encoding: .utf8).split(separator: "\n") }
    let before = try lines()
    #expect(try world.leg(config, of: "lines", only: "universal", resuming: true) == .finished)
    #expect(try lines() == before)
    // Trained anew, its lines stand once, behind the others.
    #expect(try world.leg(config, of: "lines", only: "like") == .finished)
    let phases = { (lines: [Substring]) in lines.map { $0.contains("\"phase\":\"like\"") } }
    #expect(phases(try lines()) == phases(before))
  }
}
