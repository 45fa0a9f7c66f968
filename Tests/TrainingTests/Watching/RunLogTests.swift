import Checkpoints
import Config
import Evaluation
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
    var config = RunConfig()
    (config.log.everySteps, config.log.tensorboard) = (steps, tensorboard)
    return try RunLog(directory, config, job, console: said.console, phases: ["universal"], where: stays)
  }

  private var job: BeginRecord.Job {
    let length = BeginRecord.Length(phase: "universal", steps: 4, stepsPerEpoch: 2, users: 5)
    return BeginRecord.Job(ranks: 1, precision: "fp32", metric: "mrr", phases: [length])
  }

  /// Starts the universal phase.
  private func begin(
    _ log: RunLog, steps: Int, done: Int = 0, unlogged: CheckpointManifest.OpenMean? = nil, patience: Int? = nil
  ) throws {
    let length = BeginRecord.Length(phase: "universal", steps: steps, stepsPerEpoch: 2, users: 5)
    try log.begin(
      BeginRecord(length, step: done, parameters: 7, job: log.job),
      EvaluationSchedule(everyEpochs: 1, stepsPerEpoch: 2, steps: steps, patience: patience), unlogged: unlogged)
  }

  /// An evaluation that found a reciprocal rank of 1 / `rank`.
  private func evaluate(_ log: RunLog, _ step: Int, rank: Int) throws {
    var metrics = RankingMetrics(cutoffs: [10])
    metrics.add(rank: rank, groups: [0])
    try log.evaluation(
      .init(phase: "universal", split: "validation", metrics: metrics, protocolFields: []), step: step, seconds: 0.25)
  }

  private func report(_ loss: Double, skipped: Bool = false) -> StepReport {
    var report = StepReport()
    (report.loss, report.isSkipped, report.positions) = (loss, skipped, 10)
    return report
  }

  private func lines() throws -> [[String: Any]] {
    let all = try String(contentsOfFile: directory.metricsPath, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(all.allSatisfy { $0["time"] as? Double ?? 0 > 1.7e9 || $0.count == 2 })
    return all.filter { $0["steps_per_epoch"] == nil }
  }

  private func step(_ log: RunLog, _ step: Int, _ report: StepReport, last: Bool = false) throws {
    try log.step(step, report, routing: nil, seconds: 0.5, communication: 0.125, last: last)
  }

  @Test func aLineIsTheMeanOfItsSteps() throws {
    let log = try log()
    try begin(log, steps: 3)
    try step(log, 0, report(1))
    #expect(log.unlogged == .init(steps: 1, loss: 1))
    try step(log, 1, report(3))
    #expect(log.unlogged == nil)
    try step(log, 2, report(5), last: true)
    let lines = try lines()
    #expect(lines.map { $0["step"] as? Int } == [2, 3] && lines.map { $0["loss"] as? Double } == [2, 5])
    #expect(lines[0]["phase"] as? String == "universal" && lines[0]["positions_per_s"] as? Double == 20)
    #expect(lines[0]["step_ms"] as? Double == 500 && lines[0]["comm_ms"] as? Double == 125 && lines[0]["skipped"] == nil)
  }

  @Test func aRunThatGoesOnContinuesTheMean() throws {
    let log = try log()
    try begin(log, steps: 4, done: 1, unlogged: .init(steps: 1, loss: 4))
    try step(log, 1, report(2))
    #expect(try lines().map { $0["loss"] as? Double } == [3])
  }

  @Test func skippedStepsAreCountedAndNoPartOfTheMean() throws {
    let log = try log()
    try begin(log, steps: 4)
    try step(log, 0, report(.nan, skipped: true))
    try step(log, 1, report(3))
    try step(log, 2, report(.nan, skipped: true))
    try step(log, 3, report(.nan, skipped: true))
    let lines = try lines()
    #expect(lines[0]["loss"] as? Double == 3 && lines[0]["skipped"] as? Int == 1)
    // No step has a loss: there is no number to write.
    #expect(lines[1]["loss"] is NSNull && lines[1]["skipped"] as? Int == 2)
  }

  @Test func stepsThatAreMadeAgainLoseTheirLines() throws {
    do {
      let log = try log(every: 1)
      try begin(log, steps: 4)
      for index in 0..<3 { try step(log, index, report(Double(index))) }
      try log.checkpoint(step: 3, seconds: 0.25, isAsynchronous: true)
    }
    let again = try log(every: 1) { $0.step <= 2 }
    try begin(again, steps: 4, done: 2)
    try step(again, 2, report(7))
    try again.checkpoint(step: 3, seconds: 0.25, isAsynchronous: false)
    let lines = try lines()
    #expect(lines.map { $0["step"] as? Int } == [1, 2, 3, 3] && lines[2]["loss"] as? Double == 7)
    #expect(lines[3]["checkpoint_ms"] as? Double == 250 && lines[3]["asynchronous"] as? Bool == false)
  }

  @Test func aPhaseBeginsWithItsLength() throws {
    try begin(log(), steps: 8, done: 3)
    let history = try RunHistory(path: directory.metricsPath)
    let record = try #require(history[phase: "universal"]?.begins.first?.record)
    #expect(record.step == 3 && record.steps == 8 && record.stepsPerEpoch == 2 && record.users == 5 && record.parameters == 7)
    #expect(record.ranks == 1 && record.precision == "fp32" && record.metric == "mrr" && record.phases == job.phases)
  }

  private func result(_ step: Int, _ score: Double?) -> CheckpointManifest {
    CheckpointManifest(
      phase: "universal", step: step, steps: 10, epoch: 1, updates: 9, isEvaluated: true, dataset: "d", items: 6,
      selectedBy: score == nil ? nil : "mrr", score: score)
  }

  @Test func theEndSaysWhichModelIsTheResult() throws {
    let log = try log()
    for (step, score, words) in [
      (9, 0.25, "Result: step 9 of 10, validation mrr 0.2500"),
      (9, nil, "Result: step 9 of 10, the last one; nobody was evaluated"),
    ] as [(Int, Double?, String)] {
      try begin(log, steps: 10)
      _ = try log.end(result(step, score), step: 10)
      #expect(said.text.hasSuffix("universal: done in 0:00. \(words)\n"), "\(said.text)")
    }
    let before = said.text
    #expect(try log.end(nil, step: 10) == nil && said.text == before)
  }

  @Test func theEndSaysWhatWasGained() throws {
    let log = try log()
    try begin(log, steps: 10)
    try evaluate(log, 0, rank: 5)
    try evaluate(log, 10, rank: 4)
    let outcome = try log.end(result(10, 0.25), step: 10, start: .earlierRun)
    #expect(said.text.hasSuffix("validation mrr 0.2500, from 0.2000 at its start: +0.0500 (+25.0 %)\n"), "\(said.text)")
    let end = try #require(RunHistory(path: directory.metricsPath)[phase: "universal"]?.end?.record)
    #expect(end.end == "finished" && end.step == 10 && end.resultStep == 10 && end.value == 0.25 && end.startValue == 0.2)
    #expect(outcome?.isGain == true)
  }

  /// A phase that keeps what it began with says so, and what to do.
  @Test(arguments: [
    (PhaseOutcome.Start.earlierRun, "it keeps the numbers of the run that it began with", "Lower optimizer.learning_rate"),
    (.universal, "it keeps the universal phase's numbers", "Lower its learning_rate_scale, or leave the phase out"),
  ])
  func nothingLearnedIsSaid(start: PhaseOutcome.Start, kept: String, advice: String) throws {
    let log = try log()
    try begin(log, steps: 10)
    try evaluate(log, 0, rank: 4)
    try evaluate(log, 10, rank: 5)
    #expect(try log.end(result(0, 0.25), step: 10, start: start)?.isGain == false)
    #expect(
      said.text.contains(
        "Result: step 0. Nothing was learned: \(kept) (validation mrr 0.2500 at its start, at best 0.2000 afterwards). \(advice)"),
      "\(said.text)")
  }

  @Test func anEarlyEndSaysWhy() throws {
    let log = try log()
    try begin(log, steps: 10, patience: 1)
    try evaluate(log, 2, rank: 4)
    try evaluate(log, 4, rank: 5)
    _ = try log.end(result(2, 0.25), step: 4, isEarly: true)
    #expect(said.text.contains("ended after step 4 of 10 by evaluation.patience. Result: step 2 of 10"), "\(said.text)")
    let end = try #require(RunHistory(path: directory.metricsPath)[phase: "universal"]?.end?.record)
    #expect(end.end == "patience" && end.step == 4 && end.resultStep == 2)
  }

  /// Steps behind the last line are no less trained because the phase ended early.
  @Test func anEarlyEndLosesNoSteps() throws {
    let log = try log(every: 3)
    try begin(log, steps: 10, patience: 1)
    for index in 0..<4 { try step(log, index, report(Double(index))) }
    _ = try log.end(result(2, 0.25), step: 4, isEarly: true)
    let steps = try #require(RunHistory(path: directory.metricsPath)[phase: "universal"]).steps.map(\.record)
    #expect(steps.map(\.step) == [3, 4] && steps.map(\.loss) == [1, 3])
  }

  /// What an earlier start measured counts: the start's value is in the log, not in memory.
  @Test func aRunThatGoesOnKnowsItsStart() throws {
    do {
      let log = try log()
      try begin(log, steps: 10)
      try evaluate(log, 0, rank: 5)
    }
    let again = try log()
    try begin(again, steps: 10, done: 4)
    try evaluate(again, 10, rank: 4)
    _ = try again.end(result(10, 0.25), step: 10, start: .universal)
    #expect(said.text.hasSuffix("from 0.2000 at its start: +0.0500 (+25.0 %)\n"), "\(said.text)")
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
    try begin(log, steps: 4)
    try log.checkpoint(step: 0, seconds: 1, isAsynchronous: true)
    for index in 0..<3 { try step(log, index, report(2)) }
    #expect(log.unlogged == .init(steps: 1, loss: 2))
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(names.contains { $0.hasPrefix("events.out.tfevents") } == tensorboard)
  }
}
