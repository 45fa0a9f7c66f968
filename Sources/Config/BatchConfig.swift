/// What a step sees.
public struct BatchConfig: Sendable, Equatable {
  /// Users of a step over all ranks together, B; a multiple of the data set's virtual shards.
  public var users = 256

  /// The defaults.
  public init() {}
}

extension BatchConfig: ConfigSection {
  static let keys: [ConfigKey<BatchConfig>] = [
    .value(
      "users", \.users, .within(1...1_048_576), "users of a step over all ranks; a multiple of the data set's virtual shards")
  ]
}
