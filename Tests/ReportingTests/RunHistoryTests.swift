import Foundation
import Testing

@testable import Files
@testable import Reporting

/// What is written is read, line by line, and a follower sees what a reader sees.
struct RunHistoryTests {
  private static let length = BeginRecord.Length(phase: "universal", steps: 20, stepsPerEpoch: 5, users: 9)
  private static let job = BeginRecord.Job(
    ranks: 2, precision: "bf16", metric: "ndcg@10", phases: [length, .init(phase: "like", steps: 10, stepsPerEpoch: 5, users: 4)])

  private static var step: StepRecord {
    var step = StepRecord(phase: "universal", step: 10)
    (step.loss, step.bprLoss, step.softmaxLoss, step.balanceLoss) = (5.5, 0.25, 4, 1.5)
    (step.busiestExpert, step.expertLoad, step.learningRate, step.gradNorm) = (0.5, [0.5, 0.25, 0.25], 0.001, 2)
    (step.positionsPerS, step.stepMs, step.commMs, step.positions, step.uniqueItems) = (1000, 12.5, 1.25, 300, 200)
    step.skipped = 1
    return step
  }

  private static let records: [any MetricsRecord] = [
    OriginRecord(from: "old/checkpoints/universal/step-00000009", manifest: "0abc", known: 5, new: 2, gone: 1),
    BeginRecord(length, step: 0, parameters: 1234, job: job), step,
    EvaluationLine(
      phase: "universal", step: 5, split: "validation",
      means: [("recall@5", 0.25), ("recall@10", 0.5), ("ndcg@10", 0.375), ("mrr", 0.25)],
      users: 4, seconds: 0.5, measured: ["split": "validation"]),
    CheckpointRecord(phase: "universal", step: 10, milliseconds: 12.5, isAsynchronous: true),
    MixtureRecord(
      phase: "universal", step: 20, itemsWithText: 7, load: [0.75, 0.25], entropy: 0.5, limit: 0.75, words: [["tea", "cup"], []]),
    RankTimesRecord(
      phase: "universal", step: 20, steps: 20, parts: ["batch", "embed"], milliseconds: [[1, 2], [3, 4]], waiting: [0.5, 0.25]),
    {
      var end = EndRecord(phase: "universal", step: 20, end: "patience", resultStep: 15)
      (end.metric, end.value, end.startValue) = ("ndcg@10", 0.5, 0.25)
      return end
    }(),
  ]

  @Test func everyRecordIsReadAsItWasWritten() throws {
    for record in Self.records {
      let line = Data(JSONValue.object(record.fields + [.init("time", 12.5)]).line.utf8)
      let read = try #require(MetricsLine.read(line), "\(record)")
      #expect(read.time == 12.5 && read.line.record.fields == record.fields && type(of: read.line.record) == type(of: record))
    }
  }

  @Test func scalarsAreAllNumbersOfALine() {
    let tags = Self.records.map { $0.scalars.map(\.tag) }
    #expect(tags[0].isEmpty && tags[1].isEmpty && tags[7].isEmpty)
    #expect(
      tags[2].contains("universal/loss") && tags[2].contains("universal/expert_load/2") && tags[2].contains("universal/comm_ms"))
    #expect(tags[3].contains("universal/validation/ndcg@10") && tags[3].contains("universal/validation/evaluation_s"))
    #expect(tags[4] == ["universal/checkpoint_ms"] && tags[5].contains("universal/mixture/gate_entropy"))
    #expect(tags[6].contains("universal/rank_ms/1/0") && tags[6].contains("universal/rank_wait_ms/1"))
  }

  @Test func aFileIsReadPhaseByPhase() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let log = try MetricsLog(path: path)
      for (number, record) in Self.records.enumerated() { try log.append(record, time: Double(number)) }
      let history = try RunHistory(path: path)
      let phase = try #require(history[phase: "universal"])
      #expect(history.origin?.record.newItems == 2 && history.lastTime == 7 && history.phases.count == 1)
      #expect(phase.begins.count == 1 && phase.steps.first?.line == 2 && phase.steps.first?.record == Self.step)
      #expect(phase.evaluations.first?.record.mean("ndcg@10") == 0.375 && phase.step == 10)
      #expect(phase.end?.record.resultStep == 15 && phase.rankTimes.first?.record.rankMs == [[1, 2], [3, 4]])
    }
  }

  /// Of an earlier version, of a later one, cut short, damaged: what can be read is read, the rest is passed over.
  @Test func foreignLinesDoNoHarm() {
    var history = RunHistory()
    for line in [
      // The first is of an earlier version.
      "{\"phase\":\"like\",\"step\":3,\"loss\":null,\"left_out\":2}", "", "[]", "nonsense", "{\"phase\":\"like\",\"st",
      "{\"phase\":\"like\",\"step\":-1,\"loss\":1}", "{\"phase\":\"like\",\"step\":99999999999999999,\"loss\":1}",
      "{\"phase\":\"like\",\"step\":4,\"something_new\":1}",
      "{\"phase\":\"like\",\"step\":4,\"split\":\"validation\",\"mrr\":null}",
      "{\"phase\":1,\"step\":4,\"loss\":1}", "{\"phase\":\"like\",\"step\":5,\"loss\":2,\"step_ms\":1e400}",
    ] { history.add(Data(line.utf8)) }
    #expect(history.unreadable == 3)
    #expect(history.lines == 11 && history.phases.map(\.name) == ["like"])
    #expect(history.phases[0].steps.map(\.record.step) == [3] && history.phases[0].steps[0].record.skipped == 2)
    #expect(history.phases[0].evaluations.count == 1 && history.phases[0].best("mrr") == nil && history.progress(now: 0) == nil)
  }

  @Test func progressIsTakenFromTheTimesOfLines() throws {
    var history = RunHistory()
    func add(_ record: any MetricsRecord, _ time: Double) {
      history.add(Data(JSONValue.object(record.fields + [.init("time", .double(time))]).line.utf8))
    }
    add(Self.records[1], 100)
    var step = Self.step
    add(step, 110)
    let progress = try #require(history.progress(now: 111))
    #expect(progress.step == 10 && progress.steps == 20 && progress.phaseSeconds == 10 && progress.runSeconds == 20)
    #expect(progress.number == 1 && progress.phases == 2 && progress.activity == nil && progress.positionsPerSecond == 1000)
    step.step = 15
    add(step, 115)
    #expect(history.progress(now: 200)?.activity == "last line 1:25 ago")
  }

  @Test func aFollowerSeesWhatComes() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let follower = RunFollower(path: path)
      #expect(try !follower.look() && follower.history == RunHistory())
      let log = try MetricsLog(path: path)
      for record in Self.records {
        try log.append(record, time: 1)
        #expect(try follower.look())
        #expect(try follower.history == RunHistory(path: path) || follower.history.lines == RunHistory(path: path).lines - 1)
      }
      #expect(try !follower.look() && follower.history.lines == Self.records.count && follower.restarts == 0)
    }
  }

  @Test func aLineIsReadOnceItIsWhole() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      try Data("{\"phase\":\"like\",\"step\":3,\"lo".utf8).write(to: URL(fileURLWithPath: path))
      let follower = RunFollower(path: path)
      #expect(try !follower.look())
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data("ss\":1}\n".utf8))
      #expect(try follower.look())
      #expect(follower.history[phase: "like"]?.steps.map(\.record.loss) == [1])
    }
  }

  /// A line that is too long to be ours is passed over once, and what comes behind it is read.
  @Test func aHugeLineIsPassedOver() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let line = { (step: Int) in "{\"phase\":\"like\",\"step\":\(step),\"loss\":1}\n" }
      try Data((line(1) + String(repeating: "\u{0}", count: 3 << 20)).utf8).write(to: URL(fileURLWithPath: path))
      let follower = RunFollower(path: path)
      #expect(try follower.look())
      #expect(try !follower.look() && follower.restarts == 0)
      let file = try #require(FileHandle(forWritingAtPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data(("\n" + line(2)).utf8))
      #expect(try follower.look() && follower.restarts == 0)
      #expect(follower.history[phase: "like"]?.steps.map(\.record.step) == [1, 2] && follower.history.unreadable == 1)
      #expect(follower.history[phase: "like"]?.steps.last?.line == 2)
    }
  }

  /// A run that goes on takes lines back: cut, cut and grown again, or another file.
  @Test(arguments: ["cut", "grown", "replaced", "gone"]) func aRunThatGoesOnIsReadAnew(how: String) throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let line = { (step: Int, loss: Int) in "{\"phase\":\"like\",\"step\":\(step),\"loss\":\(loss)}\n" }
      try Data((line(1, 5) + line(2, 4) + line(3, 3)).utf8).write(to: URL(fileURLWithPath: path))
      let follower = RunFollower(path: path)
      #expect(try follower.look())
      let file = try #require(FileHandle(forWritingAtPath: path))
      let cut = UInt64(line(1, 5).utf8.count)
      switch how {
      case "cut": try file.truncate(atOffset: cut)
      case "grown":
        try file.truncate(atOffset: cut)
        try file.seekToEnd()
        try file.write(contentsOf: Data((line(2, 9) + line(3, 8) + line(4, 7)).utf8))
      case "replaced":
        try Data((line(1, 5) + line(2, 4) + line(3, 3)).utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
      default: try FileManager.default.removeItem(atPath: path)
      }
      #expect(try follower.look() && follower.restarts == 1)
      let losses = follower.history[phase: "like"]?.steps.map(\.record.loss) ?? []
      #expect(losses == ["cut": [5], "grown": [5, 9, 8, 7], "replaced": [5, 4, 3], "gone": []][how])
    }
  }
}
