import Ablation
import Config
import Foundation
import TestSupport
import Testing

/// Two variants, two seeds, two ways to judge, of which one run is missing.
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
      for judgement in grid.judgements {
        try record.add(Self.printed(all, tail), judgement: judgement.label, split: "test")
        try record.add(Self.printed(all * 2, tail, split: "validation"), judgement: judgement.label, split: "validation")
      }
      records[variant, default: [:]][seed] = record
    }
    let data = AblationResults.Data(path: "dataset", checksum: "abc")
    return AblationResults(
      grid, command: "precise ablate grid.yaml --out out", data: ["both": data, "ids": data], records: records, failures: failures
    )
  }
}
