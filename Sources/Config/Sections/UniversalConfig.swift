/// The universal phase: predict the next item, over every scene and behavior.
package struct UniversalConfig: Sendable, Equatable {
  /// Which n + 1 consecutive events of a longer history a step sees.
  package enum Window: String, ConfigChoice {
    /// The newest ones.
    case latest
    /// A random stretch, drawn anew each time the user comes up (ours: old events of long histories train too).
    case random
  }

  /// Passes over the users; 0 skips the phase.
  package var epochs = 20
  /// Steps; when given, it wins over `epochs`.
  package var steps: Int?
  /// Shared negatives of a step.
  package var negatives = Negatives.count(2048)
  /// Where they are drawn from.
  package var negativesFrom = NegativeSource.batch
  /// Whether log q of a negative is taken off its logit, q being its chance of being drawn.
  package var logQ = true
  /// Share of the phase's steps in which token states are frozen.
  package var tokenFreeze = 0.5
  /// Which events of a long history a step sees.
  package var window = Window.latest

  /// The defaults.
  package init() {}
}

extension UniversalConfig: ConfigSection {
  static let keys: [ConfigKey<UniversalConfig>] = [
    .value("epochs", \.epochs, .within(0...1_000_000), "passes over the users; 0 skips the phase"),
    .value("steps", \.steps, .orNull(.within(0...1_000_000_000)), "when given, wins over epochs"),
    .value("negatives", \.negatives, .draws, "shared negatives of a step; all = full softmax, for small catalogues"),
    .value("negatives_from", \.negativesFrom, .any, "items of the batch (the paper), of the catalogue alike, or half of each"),
    .value("log_q", \.logQ, .any, "take the log of a negative's chance to be drawn off its logit; without it popular items sink"),
    .value(
      "token_freeze", \.tokenFreeze, .within(0...1), "share of the steps with frozen text, so that the ID half learns first"),
    .value("window", \.window, .any, "events of a long history that a step sees: the newest, or a random stretch"),
  ]
}
