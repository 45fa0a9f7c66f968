/// How often a step is written down.
public struct LogConfig: Sendable, Equatable {
  /// Steps between two lines of `metrics.jsonl`.
  public var everySteps = 10
  /// Whether TensorBoard's event file is written beside it.
  public var tensorboard = true

  /// The defaults.
  public init() {}
}

extension LogConfig: ConfigSection {
  static let keys: [ConfigKey<LogConfig>] = [
    .value("every_steps", \.everySteps, .within(1...1_000_000_000), "steps between two lines of metrics.jsonl"),
    .value("tensorboard", \.tensorboard, .any, "write events.out.tfevents.* beside it"),
  ]
}
