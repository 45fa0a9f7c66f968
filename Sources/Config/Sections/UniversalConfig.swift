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
  static let about = """
    Phase 1: the model learns to predict each next event's item, over every scene and behavior. Each target competes with negatives, \
    items drawn at random that all users of a step share.
    """

  static let keys: [ConfigKey<UniversalConfig>] = [
    .value("epochs", \.epochs, .within(0...1_000_000), "passes over the users; 0 skips the phase"),
    .value("steps", \.steps, .orNull(.within(0...1_000_000_000)), "number of steps in place of epochs; null = epochs decide"),
    .value("negatives", \.negatives, .draws, "negatives drawn in a step; all = every item competes, for small catalogues"),
    .value(
      "negatives_from", \.negativesFrom, .any,
      "drawn from the step's own events (batch, the paper), from all items alike, or half of each"),
    .value(
      "log_q", \.logQ, .any, "correct for popular items being drawn more often (logQ); without it they rank too low"),
    .value(
      "token_freeze", \.tokenFreeze, .within(0...1),
      "share of the phase's steps in which token states stay as they are, so that the ID half learns first"),
    .value(
      "window", \.window, .any, "what a step sees of a history longer than model.length: the newest events, or a random stretch"),
  ]
}
