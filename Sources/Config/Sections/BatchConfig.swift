/// What a step sees.
package struct BatchConfig: Sendable, Equatable {
  /// Users of a step over all ranks together, B; all that take part where they are fewer.
  package var users = 256

  /// The defaults.
  init() {}
}

extension BatchConfig: ConfigSection {
  static let about = "What a step sees. It does not depend on the number of ranks, which share the users of a step."

  static let keys: [ConfigKey<BatchConfig>] = [
    .value(
      "users", \.users, .within(1...1_048_576), "users of a step, over all ranks together; all there are, where they are fewer")
  ]
}
