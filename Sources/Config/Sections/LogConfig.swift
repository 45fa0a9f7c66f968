/// How often a step is written down.
package struct LogConfig: Sendable, Equatable {
  /// Steps between two lines of `metrics.jsonl`.
  package var everySteps = 10
  /// Whether TensorBoard's event file is written beside it.
  package var tensorboard = true

  /// The defaults.
  package init() {}
}

extension LogConfig: ConfigSection {
  static let about = "How often a step is written down, and where."

  static let keys: [ConfigKey<LogConfig>] = [
    .value("every_steps", \.everySteps, .within(1...1_000_000_000), "steps between two lines of metrics.jsonl"),
    .value("tensorboard", \.tensorboard, .any, "write TensorBoard's events.out.tfevents.* beside metrics.jsonl"),
  ]
}
