import Files

extension ConfigCheck {
  /// Faults between a configuration and the data set it should train on; empty when all fit.
  package static func problems(_ config: RunConfig, facts: DatasetFacts) -> [ConfigProblem] {
    users(config.batch, facts) + text(config.model, facts) + targets(config, facts) + counts(config, facts)
  }

  private static func users(_ batch: BatchConfig, _ facts: DatasetFacts) -> [ConfigProblem] {
    guard facts.users == 0 else { return [] }
    return [
      ConfigProblem(
        keyPath: "batch.users", value: "\(batch.users)", rule: "the data set has no users",
        suggestion: "prepare it again from more events")
    ]
  }

  private static func text(_ model: ModelConfig, _ facts: DatasetFacts) -> [ConfigProblem] {
    guard model.semanticDim > 0 && facts.tokenDim == nil else { return [] }
    return [
      ConfigProblem(
        keyPath: "model.semantic_dim", value: "\(model.semanticDim)", rule: "the data set has no token states",
        suggestion: "run precise encode on it first, or set semantic_dim: 0 for ID only")
    ]
  }

  private static func targets(_ config: RunConfig, _ facts: DatasetFacts) -> [ConfigProblem] {
    config.targeted.enumerated().flatMap { index, phase in
      name(phase.scene, "targeted.\(index).scene", "scene", facts.scenes)
        + name(phase.behavior, "targeted.\(index).behavior", "behavior", facts.behaviors)
    }
  }

  private static func name(_ value: String?, _ path: String, _ what: String, _ known: [String]) -> [ConfigProblem] {
    guard let value, known.firstIndex(ofIdentifier: value) == nil else { return [] }
    let near = Spelling.nearest(to: value, among: known).map { "did you mean \($0)?" }
    let some = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", ..." : "")
    let suggestion = near ?? (known.isEmpty ? "the data set has none; use null" : "it has \(some)")
    return [ConfigProblem(keyPath: path, value: value, rule: "is no \(what) of the data set", suggestion: suggestion)]
  }

  private static func counts(_ config: RunConfig, _ facts: DatasetFacts) -> [ConfigProblem] {
    var found: [ConfigProblem] = []
    if let widest = config.evaluation.cutoffs?.last, widest > facts.items {
      let rule = "\(widest) is more than the catalogue's \(facts.items) items"
      found.append(ConfigProblem(keyPath: "evaluation.cutoffs", value: "", rule: rule, suggestion: "leave it out"))
    }
    return found
  }
}

/// What a configuration must know of a data set to be checked against it: plain values, no files.
package struct DatasetFacts: Sendable, Equatable {
  /// Names of the scenes.
  package var scenes: [String]
  /// Names of the behaviors.
  package var behaviors: [String]
  /// Items of the catalogue, V.
  package var items: Int
  /// Users.
  package var users: Int
  /// Width of a token state, dt; nil = the data set has no token states.
  package var tokenDim: Int?
  /// Most tokens of an item, m; nil = the data set has no token states.
  package var tokens: Int?

  /// Gathers the facts.
  package init(
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
