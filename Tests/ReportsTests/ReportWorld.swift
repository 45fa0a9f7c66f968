import Config
import Files
import Foundation
import Reporting
import Runs
import TestSupport

/// Run directories made by hand: no model, no data set, only files.
final class ReportWorld {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Makes a run and returns its folder.
  ///
  /// - Parameters:
  ///   - lines: of `metrics.jsonl`; nil = no file.
  ///   - evaluation: `evaluation.json`; nil = no file.
  func run(
    _ name: String, config: RunConfig = RunConfig(), lines: [String]? = nil, evaluation: String? = nil, checksum: String = "c1"
  ) throws -> String {
    let directory = RunDirectory(path: folder.file(name))
    try directory.create()
    try directory.write(
      config: ConfigWriter.text(config), record: .init(dataset: folder.file("no <b>dataset</b>"), checksum: checksum))
    if let lines { try folder.write("\(name)/metrics.jsonl", lines.joined(separator: "\n") + "\n") }
    if let evaluation { try folder.write("\(name)/evaluation.json", evaluation) }
    return directory.path
  }

  /// Metrics of groups by name; each mean is a base times the group's number.
  static func entry(_ base: Double, error: Double? = 0.01, scene: String = "a/b <i>~", extra: String = "") -> String {
    func metrics(_ factor: Double) -> String {
      "{\"recall@10\": \(base * factor), \"ndcg@10\": \(base * factor / 2), \"mrr\": \(base * factor / 3), \"users\": 50}"
    }
    func errors() -> String {
      "{\"recall@10\": \(error.map { "\($0)" } ?? "null"), \"ndcg@10\": \(error.map { "\($0)" } ?? "null"), \"mrr\": null}"
    }
    let deciles = (1...10).map {
      "\"decile_\($0)\": {\"recall@10\": \(base / Double($0)), \"users\": 5, \"train_events\": [\(100 / $0), \(100 / $0 + 3)]}"
    }
    let baseline = "{\"all\": \(metrics(0.1)), \"unseen\": {\"users\": 0}, \"standard_error\": {\"all\": \(errors())}}"
    return """
      {"all": \(metrics(1)), "head": \(metrics(1.5)), "unseen": \(metrics(0.2)), "scenes": {"\(scene)": \(metrics(0.5)), "feed": \(metrics(0.7))},
       "popularity": {\(deciles.joined(separator: ", "))},
       "standard_error": {"all": \(errors()), "head": \(errors()), "scenes": {"\(scene)": \(errors())}},
       "coverage@10": 0.25, "distinct_items@10": 77, "novelty@10": null,
       "baselines": {"popularity": \(baseline), "<u>new</u>": \(baseline)},
       "protocol": {"split": "test (leave-one-out)", "candidates": "all 9 items", "filter_seen": false, "dataset_checksum": "c1"\(extra)}}
      """
  }

  /// Lines of a run that has everything.
  static func lines(_ phase: String, steps: Int) -> [String] {
    let length = "\"steps\":\(steps * 10),\"steps_per_epoch\":10,\"users\":1000"
    let begin =
      "{\"phase\":\"\(phase)\",\"step\":0,\(length),\"parameters\":123456,\"ranks\":2,\"precision\":\"fp32\",\"metric\":\"ndcg@10\","
      + "\"phases\":[{\"phase\":\"\(phase)\",\(length)}],\"time\":1700000000}"
    var records: [any MetricsRecord] = []
    for step in 1...max(steps, 1) {
      var record = StepRecord(phase: phase, step: step * 10)
      (record.loss, record.learningRate, record.positionsPerS) = (8 / Double(step), 0.001, 1_000 * Double(step))
      (record.stepMs, record.commMs, record.gradNorm, record.expertLoad) = (10, 1.5, 0.7, [0.25, 0.75])
      records.append(record)
      if step % 5 == 0 {
        records.append(
          EvaluationLine(
            phase: phase, step: step * 10, split: "validation",
            means: [("ndcg@10", 0.1 + Double(step % 7) / 100), ("mrr", 0.05)],
            users: 40, seconds: 0.5, measured: .null))
      }
    }
    records.append(CheckpointRecord(phase: phase, step: steps * 10, milliseconds: 12.5, isAsynchronous: true))
    records.append(
      RankTimesRecord(
        phase: phase, step: steps * 10, steps: 100, parts: ["fusion", "a<b"], milliseconds: [[3, 4], [5, 6.5]],
        waiting: [0.5, 0.25]))
    records.append(
      MixtureRecord(
        phase: phase, step: steps * 10, itemsWithText: 9, load: [0.4, 0.6], entropy: 0.5, limit: 0.69,
        words: [["</td>", "red"], ["\"blue\""]]))
    var end = EndRecord(phase: phase, step: steps * 10, end: "finished", resultStep: steps * 5)
    (end.metric, end.value, end.startValue) = ("ndcg@10", 0.16, 0.12)
    records.append(end)
    return [begin]
      + records.enumerated().map { JSONValue.object($1.fields + [.init("time", .double(1_700_000_001 + Double($0)))]).line }
  }
}
