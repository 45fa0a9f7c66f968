/// One targeted phase: one scene and/or one behavior, from the end of the universal phase.
package struct TargetedConfig: Sendable, Equatable {
  /// Which events of a user are read as history.
  package enum History: String, ConfigChoice {
    /// Only those of the target scene and behavior (the paper).
    case target
    /// All of them; only the targets are of the scene and behavior (ours).
    case all
  }

  /// How the transformer's outputs become one user embedding.
  package enum UserHead: String, ConfigChoice {
    /// The newest output plus an MLP that starts at zero: begins at the universal phase's quality (ours).
    case residual
    /// The MLP alone (the paper).
    case mlp
  }

  /// Which target event of a user a step trains on.
  package enum Position: String, ConfigChoice {
    /// One drawn at random each time the user comes up.
    case random
    /// The newest training event.
    case last
  }

  /// A group of parameters that a phase can leave as it found them.
  package enum ParameterGroup: String, ConfigChoice, CaseIterable {
    /// The trainable rows of the items' ID half.
    case ids
    /// The items' token states.
    case tokens
    /// Gate and experts.
    case fusion
    /// Positions, scene and behavior embeddings, blocks and the last norm.
    case transformer
  }

  /// The phase's name, in logs, metrics and checkpoints.
  package var name = ""
  /// Target scene; nil = any.
  package var scene: String?
  /// Target behavior; nil = any.
  package var behavior: String?
  /// What is read as history.
  package var history = History.target
  /// Passes over the users that have a target.
  package var epochs = 5
  /// Steps; when given, it wins over `epochs`.
  package var steps: Int?
  /// How a user embedding is made.
  package var userHead = UserHead.residual
  /// Weights of the two losses.
  package var objective = ObjectiveConfig()
  /// Shared negatives of a step, for the softmax term.
  package var negatives = Negatives.count(2048)
  /// Where they are drawn from.
  package var negativesFrom = NegativeSource.mixed
  /// Whether log q of a negative is taken off its logit, q being its chance of being drawn.
  package var logQ = true
  /// Which target event of a user a step trains on.
  package var position = Position.random
  /// Factor on every learning rate of this phase.
  package var learningRateScale = 0.1
  /// Dropout of this phase; nil = the model's.
  package var dropout: Double?
  /// Parameters that this phase does not change.
  package var freeze: [ParameterGroup] = []

  /// The defaults; `name` must still be given.
  package init() {}
}

extension TargetedConfig: ConfigSection {
  static let keys: [ConfigKey<TargetedConfig>] = [
    .value("name", \.name, .phaseName, "in logs, metrics and checkpoints"),
    .value("scene", \.scene, .orNull(.any), "target scene; null = any"),
    .value("behavior", \.behavior, .orNull(.any), "target behavior; null = any"),
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

/// Weights of a targeted phase's two losses; `{bpr: 1, softmax: 0}` is the paper.
package struct ObjectiveConfig: Sendable, Equatable {
  /// Weight of the cross-user BPR: the negative is another user.
  package var bpr = 0.0
  /// Weight of the sampled softmax over items (ours: BPR across users never makes items compete for a user).
  package var softmax = 1.0

  /// The defaults.
  package init() {}
}

extension ObjectiveConfig: ConfigSection {
  static let keys: [ConfigKey<ObjectiveConfig>] = [
    .value("bpr", \.bpr, .atLeast(0), "cross-user BPR (the paper); 0 = off"),
    .value("softmax", \.softmax, .atLeast(0), "sampled softmax over items, which full ranking measures; 0 = off"),
  ]
}
