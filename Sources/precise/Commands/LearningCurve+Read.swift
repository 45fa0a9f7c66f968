import Ablation
import Config
import Files
import Foundation
import Reporting

extension LearningCurve {
  /// The curves of a run's phases, by phase, from its `metrics.jsonl`; a line cut short by a stop is passed over.
  ///
  /// A run without the file has none: curves are no reason to fail.
  static func read(_ path: String, _ config: RunConfig, items: Int) -> [String: LearningCurve] {
    guard let file = try? MappedFile(path: path) else { return [:] }
    let metric = config.evaluation.metric(items: items)
    let mark = Data("\"split\"".utf8)
    var points: [String: [Point]] = [:]
    file.withBytes { bytes in
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        let data = Data(line)
        guard data.range(of: mark) != nil, let value = try? JSONDecoder().decode(JSONValue.self, from: data),
          value["split"] == .string("validation"), case .string(let phase) = value["phase"], case .int(let step) = value["step"],
          let found = value[metric]?.number, (0...1 << 40).contains(step)
        else { continue }
        points[phase, default: []].append(Point(step: step, value: found))
      }
    }
    let epochs = Self.epochs(config)
    return points.reduce(into: [:]) { curves, phase in
      curves[phase.key] = LearningCurve(metric: metric, epochs: epochs[phase.key] ?? nil, points: phase.value)
    }
  }

  /// The epochs of each phase; nil where its length is set in steps.
  private static func epochs(_ config: RunConfig) -> [String: Int?] {
    var epochs: [String: Int?] = ["universal": config.universal.steps == nil ? config.universal.epochs : nil]
    for phase in config.targeted { epochs.updateValue(phase.steps == nil ? phase.epochs : nil, forKey: phase.name) }
    return epochs
  }
}
