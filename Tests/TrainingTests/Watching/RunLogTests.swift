import Checkpoints
import Config
import Files
import Foundation
import Reporting
import Runs
import Synchronization
import TestSupport
import Testing

@testable import Training

/// What a run writes while it goes.
struct RunLogTests {
  /// Collects what a person is told.
  private final class Said: Sendable {
    private let lines = Mutex<[String]>([])
    var console: Console {
      Console(
        verbosity: .normal, isTerminal: false, output: { _ in }, error: { [self] text in lines.withLock { $0.append(text) } })
    }
    var text: String { lines.withLock { $0.joined() } }
  }

  private let folder: TemporaryFolder
  private let directory: RunDirectory
  private let said = Said()

  init() throws {
    folder = try TemporaryFolder()
    directory = RunDirectory(path: folder.file("run"))
    try directory.create()
  }

  private func log(
    every steps: Int = 2, tensorboard: Bool = false, where stays: (MetricsLog.StepPosition) -> Bool = { _ in true }
  )
    throws -> RunLog
  {
    var config = LogConfig()
    (config.everySteps, config.tensorboard) = (steps, tensorboard)
    return try RunLog(directory, config, console: said.console, phases: ["universal"], where: stays)
  }

  private func report(_ loss: Double, skipped: Bool = false) -> StepReport {
    var report = StepReport()
    (report.loss, report.isSkipped, report.positions) = (loss, skipped, 10)
    return report
  }

  private func lines() throws -> [[String: Any]] {
    try String(contentsOfFile: directory.metricsPath, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  private func step(_ log: RunLog, _ step: Int, _ report: StepReport, last: Bool = false) {
    log.step(step, report, routing: nil, seconds: 0.5, communication: 0.125, last: last)
  }

  @Test func aLineIsTheMeanOfItsSteps() throws {
    let log = try log()
    log.begin("universal", steps: 3, done: 0, unlogged: nil)
    step(log, 0, report(1))
    #expect(log.unlogged == .init(steps: 1, loss: 1))
    step(log, 1, report(3))
    #expect(log.unlogged == nil)
    step(log, 2, report(5), last: true)
    let lines = try lines()
    #expect(lines.map { $0["step"] as? Int } == [2, 3] && lines.map { $0["loss"] as? Double } == [2, 5])
    #expect(lines[0]["phase"] as? String == "universal" && lines[0]["positions_per_s"] as? Double == 20)
    #expect(lines[0]["step_ms"] as? Double == 500 && lines[0]["comm_ms"] as? Double == 125 && lines[0]["skipped"] == nil)
  }

  @Test func aRunThatGoesOnContinuesTheMean() throws {
    let log = try log()
    log.begin("universal", steps: 4, done: 1, unlogged: .init(steps: 1, loss: 4))
    step(log, 1, report(2))
    #expect(try lines().map { $0["loss"] as? Double } == [3])
  }

  @Test func skippedStepsAreCountedAndNoPartOfTheMean() throws {
    let log = try log()
    log.begin("universal", steps: 4, done: 0, unlogged: nil)
    step(log, 0, report(.nan, skipped: true))
    step(log, 1, report(3))
    step(log, 2, report(.nan, skipped: true))
    step(log, 3, report(.nan, skipped: true))
    let lines = try lines()
    #expect(lines[0]["loss"] as? Double == 3 && lines[0]["skipped"] as? Int == 1)
    // No step has a loss: there is no number to write.
    #expect(lines[1]["loss"] is NSNull && lines[1]["skipped"] as? Int == 2)
  }

  @Test func stepsThatAreMadeAgainLoseTheirLines() throws {
    do {
      let log = try log(every: 1)
      log.begin("universal", steps: 4, done: 0, unlogged: nil)
      for index in 0..<3 { step(log, index, report(Double(index))) }
      log.checkpoint(step: 3, seconds: 0.25, isAsynchronous: true)
    }
    let again = try log(every: 1) { $0.step <= 2 }
    again.begin("universal", steps: 4, done: 2, unlogged: nil)
    step(again, 2, report(7))
    again.checkpoint(step: 3, seconds: 0.25, isAsynchronous: false)
    let lines = try lines()
    #expect(lines.map { $0["step"] as? Int } == [1, 2, 3, 3] && lines[2]["loss"] as? Double == 7)
    #expect(lines[3]["checkpoint_ms"] as? Double == 250 && lines[3]["asynchronous"] as? Bool == false)
  }

  @Test func theEndSaysWhichModelIsTheResult() throws {
    let log = try log()
    for (step, score, words) in [
      (9, 0.25, "step 9, mrr 0.2500"), (9, nil, "step 9"), (0, 0.5, "step 0, nothing was gained"),
    ] as [(Int, Double?, String)] {
      log.begin("universal", steps: 10, done: 0, unlogged: nil)
      log.end(
        CheckpointManifest(
          phase: "universal", step: step, steps: 10, epoch: 1, updates: 9, isEvaluated: true, dataset: "d", items: 6,
          selectedBy: score == nil ? nil : "mrr", score: score))
      #expect(said.text.hasSuffix("universal: result: \(words)\n"), "\(said.text)")
    }
    let before = said.text
    log.end(nil)
    #expect(said.text == before)
  }

  /// What a full disk refuses is lost, the training is not: it is told, and counts on.
  @Test(arguments: [false, true]) func aFullDiskStopsNothing(tensorboard: Bool) throws {
    let path = directory.metricsPath
    try folder.write("run/metrics.jsonl", "{\"phase\":\"universal\",\"step\":1}\n")
    let log = try log(every: 2, tensorboard: tensorboard) { _ in
      // Between the look at what is there and the opening, for nothing else can be written to where nothing can be written.
      unlink(path)
      return symlink("/dev/full", path) == 0
    }
    log.begin("universal", steps: 4, done: 0, unlogged: nil)
    log.checkpoint(step: 0, seconds: 1, isAsynchronous: true)
    for index in 0..<3 { step(log, index, report(2)) }
    #expect(log.unlogged == .init(steps: 1, loss: 2))
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(names.contains { $0.hasPrefix("events.out.tfevents") } == tensorboard)
  }
}
