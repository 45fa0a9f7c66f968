/// What a configuration must know of a data set to be checked against it: plain values, no files.
public struct DatasetFacts: Sendable, Equatable {
  /// Names of the scenes.
  public var scenes: [String]
  /// Names of the behaviours.
  public var behaviors: [String]
  /// Items of the catalogue, V.
  public var items: Int
  /// Users.
  public var users: Int
  /// Width of a token state, dt; nil = the data set has no token states.
  public var tokenDim: Int?
  /// Most tokens of an item, m; nil = the data set has no token states.
  public var tokens: Int?

  /// Gathers the facts.
  public init(
    scenes: [String], behaviors: [String], items: Int, users: Int, tokenDim: Int? = nil, tokens: Int? = nil
  ) {
    self.scenes = scenes
    self.behaviors = behaviors
    self.items = items
    self.users = users
    self.tokenDim = tokenDim
    self.tokens = tokens
  }
}
