/// What ends a run before it is lost, and what it warns of.
package struct GuardsConfig: Sendable, Equatable {
  /// Steps in a row that may be left out when their loss or gradients are not finite; 0 = the first one ends the run.
  package var skipNonfinite = 0
  /// Seconds that the other ranks wait for a silent one before they name it and end the job; nil = for ever.
  package var timeoutS: Double? = 1800
  /// How far above its running mean, in standard deviations, a step's loss is warned of; nil = never.
  package var lossSpike: Double? = 6

  /// The defaults.
  init() {}
}

extension GuardsConfig: ConfigSection {
  static let about = "What ends a run before its numbers are lost, and what it warns of."

  static let keys: [ConfigKey<GuardsConfig>] = [
    .value(
      "skip_nonfinite", \.skipNonfinite, .within(0...1_000_000),
      "steps in a row left out because a loss or gradient is not finite; 0 = the first one ends the run"),
    .value(
      "timeout_s", \.timeoutS, .orNull(.above(0)),
      "seconds that ranks wait for a silent one before they name it and end the job; null = forever"),
    .value(
      "loss_spike", \.lossSpike, .orNull(.above(0)),
      "warn of a loss this many standard deviations above its running mean; null = never"),
  ]
}
