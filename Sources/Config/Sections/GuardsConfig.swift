/// What ends a run before it is lost, and what it warns of.
package struct GuardsConfig: Sendable, Equatable {
  /// Steps in a row that may be left out when their loss or gradients are not finite; 0 = the first one ends the run.
  package var skipNonfinite = 0
  /// Seconds that the other ranks wait for a silent one before they name it and end the job; nil = for ever.
  package var timeoutS: Double? = 1800
  /// How far above its running mean, in standard deviations, a step's loss is warned of; nil = never.
  package var lossSpike: Double? = 6

  /// The defaults.
  package init() {}
}

extension GuardsConfig: ConfigSection {
  static let keys: [ConfigKey<GuardsConfig>] = [
    .value(
      "skip_nonfinite", \.skipNonfinite, .within(0...1_000_000),
      "steps in a row that are left out when a loss or gradient is not finite; 0 = the first ends the run"),
    .value(
      "timeout_s", \.timeoutS, .orNull(.above(0)),
      "seconds without a word after which a rank is named and the job ends; null = wait for ever"),
    .value(
      "loss_spike", \.lossSpike, .orNull(.above(0)),
      "standard deviations above its running mean at which a step's loss is warned of; null = never"),
  ]
}
