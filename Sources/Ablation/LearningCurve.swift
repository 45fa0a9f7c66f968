/// How a phase's validation metric went while it was trained.
public struct LearningCurve: Sendable, Equatable {
  /// An evaluation during training.
  public struct Point: Sendable, Equatable {
    /// The step after which it was.
    public let step: Int
    /// What it found.
    public let value: Double

    /// Describes an evaluation.
    public init(step: Int, value: Double) { (self.step, self.value) = (step, value) }
  }

  /// The metric that the checkpoint was chosen by.
  public let metric: String
  /// The epochs of the whole phase, whose last step is the last point's; nil when it was set in steps.
  public let epochs: Int?
  /// By step, rising; of two of the same step the later one.
  public let points: [Point]

  /// Takes the evaluations in the order in which they were made.
  public init(metric: String, epochs: Int?, points: [Point]) {
    (self.metric, self.epochs) = (metric, epochs)
    var values: [Int: Double] = [:]
    for point in points { values[point.step] = point.value }
    self.points = values.sorted { $0.key < $1.key }.map(Point.init)
  }

  /// Where a point stands on the axis: its epoch, to a hundredth, or its step.
  ///
  /// A phase is judged after its last step, so the last point is at the last epoch; all epochs have equally many steps.
  func place(of point: Point, inEpochs: Bool) -> Double {
    guard inEpochs, let epochs, let last = points.last, last.step > 0 else { return Double(point.step) }
    return (100 * Double(point.step) * Double(epochs) / Double(last.step)).rounded() / 100
  }
}
