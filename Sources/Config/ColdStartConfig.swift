/// What becomes of items without training events, when a phase's scores are blended with text.
public struct ColdStartConfig: Sendable, Equatable {
  /// Training events that an item without any is taken to have: its scores spread as those of items with about so many.
  public var pseudoCount = 20.0

  /// The defaults.
  public init() {}
}

extension ColdStartConfig: ConfigSection {
  static let keys: [ConfigKey<ColdStartConfig>] = [
    .value(
      "pseudo_count", \.pseudoCount, .from(1, below: 1_000_000),
      "events that an item without any is taken to have; more brings new items up")
  ]
}
