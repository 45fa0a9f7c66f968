/// When checkpoints are written and which are kept.
package struct CheckpointConfig: Sendable, Equatable {
  /// Steps between two checkpoints; nil = not by steps.
  package var everySteps: Int? = 500
  /// Minutes between two checkpoints; nil = not by time.
  package var everyMinutes: Double?
  /// Newest checkpoints kept.
  package var keepLast = 2
  /// Best checkpoints kept besides, by `evaluation.select_by`.
  package var keepBest = 1

  /// Whether training goes on while a checkpoint is written, from a copy in memory.
  package var asynchronous = true

  /// The defaults.
  package init() {}
}

extension CheckpointConfig: ConfigSection {
  static let about = "When checkpoints are written, from which a stopped run resumes, and which of them are kept."

  static let keys: [ConfigKey<CheckpointConfig>] = [
    .value(
      "every_steps", \.everySteps, .orNull(.within(1...1_000_000_000)),
      "steps between two checkpoints; null = only at a phase's end"),
    .value(
      "every_minutes", \.everyMinutes, .orNull(.above(0)),
      "minutes between two checkpoints, besides every_steps; null = not by time"),
    .value("keep_last", \.keepLast, .within(1...1000), "newest checkpoints kept; 2, so that one is whole whatever happens"),
    .value("keep_best", \.keepBest, .within(0...1000), "best checkpoints kept besides, by evaluation.select_by"),
    .value(
      "asynchronous", \.asynchronous, .any,
      "train on while a copy of the item table is written; false saves the memory of the copy"),
  ]
}
