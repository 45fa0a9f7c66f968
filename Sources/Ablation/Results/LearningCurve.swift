package import Config
import Reporting

/// How a phase's validation metric went while it was trained.
package struct LearningCurve: Sendable, Equatable {
  /// An evaluation during training.
  package struct Point: Sendable, Equatable {
    /// The step after which it was.
    package let step: Int
    /// What it found.
    package let value: Double

    /// Describes an evaluation.
    package init(step: Int, value: Double) { (self.step, self.value) = (step, value) }
  }

  /// The metric that the checkpoint was chosen by.
  package let metric: String
  /// The epochs of the whole phase, whose last step is the last point's; nil when it was set in steps.
  package let epochs: Int?
  /// By step, rising; of two of the same step the later one.
  package let points: [Point]

  /// Takes the evaluations in the order in which they were made.
  package init(metric: String, epochs: Int?, points: [Point]) {
    (self.metric, self.epochs) = (metric, epochs)
    var values: [Int: Double] = [:]
    for point in points { values[point.step] = point.value }
    self.points = values.sorted { $0.key < $1.key }.map(Point.init)
  }

  /// Where a point stands on the axis: its epoch, to a hundredth, or its step.
  ///
  /// A phase is evaluated after its last step, so the last point is at the last epoch; all epochs have equally many steps.
  func x(of point: Point, inEpochs: Bool) -> Double {
    guard inEpochs, let epochs, let last = points.last, last.step > 0 else { return Double(point.step) }
    return (100 * Double(point.step) * Double(epochs) / Double(last.step)).rounded() / 100
  }
}

extension LearningCurve {
  /// The curves of a run's phases, by phase, from its `metrics.jsonl`; a line cut short by a stop is passed over.
  ///
  /// A run without the file has none: curves are no reason to fail.
  package static func read(_ path: String, _ config: RunConfig, items: Int) -> [String: LearningCurve] {
    guard let history = try? RunHistory(path: path) else { return [:] }
    let metric = config.evaluation.metric(items: items)
    let epochs = Self.epochs(config)
    return history.phases.reduce(into: [:]) { curves, phase in
      let points = phase.evaluations.map(\.record).filter { $0.split == "validation" }.compactMap { record in
        record.mean(metric).map { Point(step: record.step, value: $0) }
      }
      guard !points.isEmpty else { return }
      curves[phase.name] = LearningCurve(metric: metric, epochs: epochs[phase.name] ?? nil, points: points)
    }
  }

  /// The epochs of each phase; nil where its length is set in steps.
  private static func epochs(_ config: RunConfig) -> [String: Int?] {
    var epochs: [String: Int?] = ["universal": config.universal.steps == nil ? config.universal.epochs : nil]
    for phase in config.targeted { epochs.updateValue(phase.steps == nil ? phase.epochs : nil, forKey: phase.name) }
    return epochs
  }
}
