import Files

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
  static let about = """
    Phase 2: each entry trains a model of its own for one scene, one behavior or both, from the end of the universal phase. There may be \
    none, one or several. In a path N is the entry's number, from 0: --set targeted.0.epochs=3.
    """

  static let keys: [ConfigKey<TargetedConfig>] = [
    .value("name", \.name, .phaseName, "the phase's name in logs, metrics and checkpoints"),
    .value("scene", \.scene, .orNull(.any), "scene of the events to predict, as the data set names it; null = any"),
    .value("behavior", \.behavior, .orNull(.any), "behavior of the events to predict, as the data set names it; null = any"),
    .value("history", \.history, .any, "events that are read: target = those of the scene and behavior (the paper), or all"),
    .value("epochs", \.epochs, .within(0...1_000_000), "passes over the users that have such an event"),
    .value("steps", \.steps, .orNull(.within(0...1_000_000_000)), "number of steps in place of epochs; null = epochs decide"),
    .value(
      "user_head", \.userHead, .any,
      "how a user embedding is made: residual begins as good as phase 1; mlp begins anew (the paper)"),
    .section("objective", \.objective, "weights of the two losses"),
    .value("negatives", \.negatives, .draws, "negatives of the softmax drawn in a step; all = every item competes"),
    .value(
      "negatives_from", \.negativesFrom, .any, "as in universal; from batch alone only the target's own items are pushed down"),
    .value("log_q", \.logQ, .any, "as in universal"),
    .value("position", \.position, .any, "which event of a user a step predicts: a random one, or the last"),
    .value("learning_rate_scale", \.learningRateScale, .above(0), "factor on every learning rate; 1 undoes much of phase 1"),
    .value("dropout", \.dropout, .orNull(.from(0, below: 1)), "dropout of this phase; null = the model's"),
    .value("freeze", \.freeze, .any, "groups of parameters that this phase leaves as they are"),
  ]
}

extension ConfigRange<String> {
  /// A word that is safe in file names and metric keys.
  static let phaseName = ConfigRange(
    rule: "of a-z, 0-9, _ and -, at most 64 letters, and not universal",
    schema: [.init("pattern", "^[a-z0-9_-]{1,64}$"), .init("not", ["const": "universal"])]
  ) { name in
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
  init() {}
}

extension ObjectiveConfig: ConfigSection {
  static let about = "The loss of a targeted phase is a sum of two, each with a weight. {bpr: 1, softmax: 0} is the paper's."

  static let keys: [ConfigKey<ObjectiveConfig>] = [
    .value("bpr", \.bpr, .atLeast(0), "weight of the cross-user BPR loss (the paper), whose negatives are other users; 0 = off"),
    .value("softmax", \.softmax, .atLeast(0), "weight of the sampled softmax, whose negatives are other items; 0 = off"),
  ]
}
