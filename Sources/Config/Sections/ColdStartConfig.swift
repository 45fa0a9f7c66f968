/// What becomes of items without training events, when a phase's scores are blended with text.
package struct ColdStartConfig: Sendable, Equatable {
  /// Training events that an item without any is taken to have: its scores spread as those of items with about so many; nil = as many
  /// as `cost` allows.
  package var pseudoCount: Double?
  /// The share of the metric, over users whose next item is none of them, that items without a training event may cost.
  package var cost = 0.05

  /// How far the scores of rarely trained items are brought to the spread of the most trained; 0 = not, 1 = all the way.
  package var tailTemper = 0.0

  /// The defaults.
  init() {}
}

extension ColdStartConfig: ConfigSection {
  static let about = """
    How items with no or few training events are brought up in rankings. It takes effect where text is blended into scores \
    (model.fusion: similarity) and changes no trained parameter.
    """

  static let keys: [ConfigKey<ColdStartConfig>] = [
    .value(
      "pseudo_count", \.pseudoCount, .orNull(.from(1, below: 1_000_000)),
      "items without an event are scored as if they had this many; null = as far up as cost allows"),
    .value(
      "cost", \.cost, .from(0, below: 1), "share of the other items' validation metric that items without an event may cost"),
    .value("tail_temper", \.tailTemper, .within(0...1), "brings rarely trained items up at the expense of the others; 0 = off"),
  ]
}
