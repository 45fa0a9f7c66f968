/// One targeted phase: one scene and/or one behaviour, from the end of the universal phase.
public struct TargetedConfig: Sendable, Equatable {
  /// Which events of a user are read as history.
  public enum History: String, ConfigChoice {
    /// Only those of the target scene and behaviour (the paper).
    case target
    /// All of them; only the targets are of the scene and behaviour (ours).
    case all
  }

  /// How the transformer's outputs become one user embedding.
  public enum UserHead: String, ConfigChoice {
    /// The newest output plus an MLP that starts at zero: begins at the universal phase's quality (ours).
    case residual
    /// The MLP alone (the paper).
    case mlp
  }

  /// Which target event of a user a step trains on.
  public enum Position: String, ConfigChoice {
    /// One drawn at random each time the user comes up.
    case random
    /// The newest training event.
    case last
  }

  /// A group of parameters that a phase can leave as it found them.
  public enum ParameterGroup: String, ConfigChoice, CaseIterable {
    /// The trainable rows of the items' ID half.
    case ids
    /// The items' token states.
    case tokens
    /// Gate and experts.
    case fusion
    /// Positions, scene and behaviour embeddings, blocks and the last norm.
    case transformer
  }

  /// The phase's name, in logs, metrics and checkpoints.
  public var name = ""
  /// Target scene; nil = any.
  public var scene: String?
  /// Target behaviour; nil = any.
  public var behavior: String?
  /// What is read as history.
  public var history = History.target
  /// Passes over the users that have a target.
  public var epochs = 5
  /// Steps; when given, it wins over `epochs`.
  public var steps: Int?
  /// How a user embedding is made.
  public var userHead = UserHead.residual
  /// Weights of the two losses.
  public var objective = ObjectiveConfig()
  /// Shared negatives of a step, for the softmax term.
  public var negatives = Negatives.count(2048)
  /// Where they are drawn from.
  public var negativesFrom = NegativeSource.mixed
  /// Whether log q of a negative is taken off its logit, q being its chance of being drawn.
  public var logQ = true
  /// Which target event of a user a step trains on.
  public var position = Position.random
  /// Factor on every learning rate of this phase.
  public var learningRateScale = 0.1
  /// Dropout of this phase; nil = the model's.
  public var dropout: Double?
  /// Parameters that this phase does not change.
  public var freeze: [ParameterGroup] = []

  /// The defaults; `name` must still be given.
  public init() {}
}

extension TargetedConfig: ConfigSection {
  static let keys: [ConfigKey<TargetedConfig>] = [
    .value("name", \.name, .phaseName, "in logs, metrics and checkpoints"),
    .value("scene", \.scene, .orNull(.any), "target scene; null = any"),
    .value("behavior", \.behavior, .orNull(.any), "target behaviour; null = any"),
    .value("history", \.history, .any, "read only the target's events (the paper), or all of them"),
    .value("epochs", \.epochs, .within(0...1_000_000), "passes over the users that have a target"),
    .value("steps", \.steps, .orNull(.within(0...1_000_000_000)), "when given, wins over epochs"),
    .value("user_head", \.userHead, .any, "residual starts at the universal phase's quality; mlp is the paper"),
    .section("objective", \.objective, "weights of the two losses"),
    .value("negatives", \.negatives, .draws, "of the softmax term: shared negatives of a step, or all"),
    .value("negatives_from", \.negativesFrom, .any, "of the softmax term; batch alone pushes only the target's items down"),
    .value("log_q", \.logQ, .any, "of the softmax term: as in universal"),
    .value("position", \.position, .any, "target event of a user in a step: one at random, or the last"),
    .value("learning_rate_scale", \.learningRateScale, .above(0), "factor on every learning rate; 1 undoes phase 1"),
    .value("dropout", \.dropout, .orNull(.from(0, below: 1)), "null = the model's"),
    .value("freeze", \.freeze, .any, "of ids, tokens, fusion, transformer: what this phase leaves alone"),
  ]
}

extension ConfigRange<String> {
  /// A word that is safe in file names and metric keys.
  static let phaseName = ConfigRange(rule: "of a-z, 0-9, _ and -, at most 64 letters, and not universal") { name in
    let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789_-")
    return (1...64).contains(name.count) && name.allSatisfy(letters.contains) && name != "universal"
  }
}
