/// The made-up catalogue that `precise bench` times a step on; every sequence is full.
package struct BenchConfig: Sendable, Equatable {
  /// Items of the catalogue.
  package var items = 20_000
  /// Token states of every item, m.
  package var tokens = 16
  /// Width of a token state, dt.
  package var tokenDim = 384
  /// Items that the made-up batches draw from, spread evenly over the catalogue; nil = all of it.
  package var drawnItems: Int?

  /// The defaults: the base shape.
  package init() {}
}

extension BenchConfig: ConfigSection {
  static let about = """
    The made-up catalogue on which `precise bench` times steps, and `precise check` estimates them when it is given no data set. \
    Training ignores it; null = the defaults.
    """

  static let keys: [ConfigKey<BenchConfig>] = [
    .value("items", \.items, .within(1...1_000_000_000), "items of the catalogue"),
    .value("tokens", \.tokens, .within(1...4096), "token states of every item"),
    .value("token_dim", \.tokenDim, .within(1...65_536), "width of a token state (384 is MiniLM's)"),
    .value(
      "drawn_items", \.drawnItems, .orNull(.within(1...1_000_000_000)),
      "items that batches draw from, spread over the catalogue; null = all of them"),
  ]
}
