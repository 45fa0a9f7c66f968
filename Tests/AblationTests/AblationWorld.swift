import Ablation
import Config
import Foundation
import TestSupport
import Testing

/// Two variants, two seeds, two ways to evaluate, of which one run is missing.
struct AblationWorld {
  let folder: TemporaryFolder
  let grid: AblationGrid

  init(_ more: String = "") throws {
    folder = try TemporaryFolder()
    let config = try folder.write("base.yaml", "model: {layers: 1}\n")
    let text = """
      data: dataset
      config: \(config)
      seeds: [1, 2]
      base: both
      variants: {both: {}, ids: {model.semantic_dim: 0}}
      buckets: [all, tail]
      metrics: [recall@10]
      \(more)
      """
    grid = try AblationGrid.read(file: try folder.write("grid.yaml", text))
  }

  /// What `precise evaluate --json` prints.
  static func printed(
    _ all: Double, _ tail: Double, split: String = "test", universal: Double? = nil, phase: String = "universal"
  )
    -> Data
  {
    func entry(_ all: Double, _ tail: Double) -> String {
      """
      {"all": {"recall@10": \(all), "users": 1200}, "tail": {"recall@10": \(tail), "users": 70},
       "protocol": {"split": "\(split) (leave-one-out)", "filter_seen": false, "dataset": "abc", "checkpoint": "universal, step 3"}}
      """
    }
    let beside = universal.map { ", \"\(split).universal\": \(entry($0, $0 / 2))" } ?? ""
    return Data("{\"\(phase)\": {\"\(split)\": \(entry(all, tail))\(beside)}}".utf8)
  }

  /// What `precise evaluate --json` prints of two scenes, with errors over users and, where asked for, what needs no training.
  static func printedInFull(_ all: Double, _ tail: Double, baselines: Bool) -> Data {
    func groups(_ values: [(String, Double)], _ more: String = "") -> String {
      values.map { "\"\($0.0)\": {\"recall@10\": \($0.1)\(more)}" }.joined(separator: ", ")
    }
    func entry(_ all: Double, _ tail: Double) -> String {
      """
      \(groups([("all", all)], ", \"users\": 1200")), \(groups([("tail", tail)], ", \"users\": 70")),
      "scenes": {\(groups([("shop", all / 2), ("a|b", tail / 2)], ", \"users\": 600"))},
      "standard_error": {\(groups([("all", all / 10), ("tail", tail / 10)])), "scenes": {\(groups([("shop", all / 5)]))}}
      """
    }
    let beside =
      baselines ? ", \"baselines\": {\"popularity\": {\(entry(0.03, 0))}, \"text\": {\(entry(0.04, 0.03))}}" : ""
    return Data("{\"universal\": {\"test\": {\(entry(all, tail))\(beside)}}}".utf8)
  }

  /// Runs evaluated with all that evaluation tells: `both` with seed 1 has what needs no training.
  func fullResults() throws -> AblationResults {
    var records: [String: [UInt64: AblationRecord]] = [:]
    var curves: [String: [UInt64: [String: LearningCurve]]] = [:]
    let numbers: [(String, UInt64, Double, Double)] = [
      ("both", 1, 0.05, 0.010), ("both", 2, 0.07, 0.012), ("ids", 1, 0.04, 0.020), ("ids", 2, 0.062, 0.024),
    ]
    for (variant, seed, all, tail) in numbers {
      var record = try record()
      let hasBaselines = variant == "both" && seed == 1
      try record.add(
        Self.printedInFull(all, tail, baselines: hasBaselines), setting: "as configured", split: "test")
      var ranks = ["model": Self.ranks(found: Int((100 * all).rounded()))]
      if hasBaselines { ranks["popularity"] = Self.ranks(found: 3) }
      record.add(["universal": ["test": ranks]], setting: "as configured", split: "test")
      records[variant, default: [:]][seed] = record
      let points = [(5, 0.5), (10, 0.8), (20, 1)].map { LearningCurve.Point(step: $0, value: $1 * all) }
      curves[variant, default: [:]][seed] = ["universal": .init(metric: "ndcg@10", epochs: 4, points: points)]
    }
    let data = AblationResults.Data(path: "dataset", checksum: "abc")
    return AblationResults(grid, command: "c", data: ["both": data, "ids": data], records: records, curves: curves)
  }

  /// Of 100 users thirty look for items without training events, ten for some with one or two, sixty for one with nine.
  static func ranks(found: Int) -> RanksByTrainingEvents {
    RanksByTrainingEvents([
      .init(events: 9, users: 60, found: 6 * found), .init(events: 0, users: 30, found: 3), .init(events: 1, users: 6, found: 3),
      .init(events: 2, users: 4, found: 2),
    ])
  }

  func record() throws -> AblationRecord {
    AblationRecord(config: ConfigWriter.text(try grid.resolve(grid.variants[0], seed: 1)), dataset: "abc", tokenStates: nil)
  }

  /// The records of both variants; `ids` with seed 2 is missing where asked for.
  func results(isWhole: Bool = true, failures: [String] = []) throws -> AblationResults {
    var records: [String: [UInt64: AblationRecord]] = [:]
    let numbers: [(String, UInt64, Double, Double)] = [
      ("both", 1, 0.05, 0.010), ("both", 2, 0.07, 0.012), ("ids", 1, 0.04, 0.020), ("ids", 2, 0.062, 0.024),
    ]
    for (variant, seed, all, tail) in numbers where isWhole || variant != "ids" || seed != 2 {
      var record = try record()
      for setting in grid.settings {
        try record.add(Self.printed(all, tail), setting: setting.label, split: "test")
        try record.add(Self.printed(all * 2, tail, split: "validation"), setting: setting.label, split: "validation")
      }
      records[variant, default: [:]][seed] = record
    }
    let data = AblationResults.Data(path: "dataset", checksum: "abc")
    return AblationResults(
      grid, command: "precise ablate grid.yaml --out out", data: ["both": data, "ids": data], records: records, failures: failures
    )
  }
}
