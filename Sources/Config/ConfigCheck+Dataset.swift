import Files

extension ConfigCheck {
  /// Faults between a configuration and the data set it should train on; empty when all fit.
  public static func problems(_ config: RunConfig, facts: DatasetFacts) -> [ConfigProblem] {
    batch(config.batch, facts) + text(config.model, facts) + targets(config, facts) + counts(config, facts)
  }

  /// B/S users come from each virtual shard, so that the global batch depends on seed and step alone.
  ///
  /// Users lie in shards by hash, so shards differ in size and small data sets leave some empty. An empty shard gives a step
  /// nothing and a small one goes round faster, its users more than once a step if need be: uneven, but sound.
  private static func batch(_ batch: BatchConfig, _ facts: DatasetFacts) -> [ConfigProblem] {
    let users = batch.users, shards = facts.shards
    func problem(_ rule: String, _ suggestion: String) -> [ConfigProblem] {
      [ConfigProblem(keyPath: "batch.users", value: "\(users)", rule: rule, suggestion: suggestion)]
    }
    guard facts.users > 0 else { return problem("the data set has no users", "prepare it again from more events") }
    guard users % shards != 0 else { return [] }
    let below = users / shards * shards
    let fitting = [below, below + shards].filter { $0 > 0 }.map(String.init).joined(separator: " or ")
    return problem(
      "must be a multiple of the data set's \(shards) virtual shards, each of which gives the same number of users to a step",
      "try \(fitting), or prepare the data set with fewer --virtual-shards")
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
    config.targeted.enumerated().flatMap { place, phase in
      name(phase.scene, "targeted.\(place).scene", "scene", facts.scenes)
        + name(phase.behavior, "targeted.\(place).behavior", "behaviour", facts.behaviors)
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
    if let widest = config.evaluation.cutoffs.last, widest > facts.items {
      let rule = "\(widest) is more than the catalogue's \(facts.items) items"
      found.append(ConfigProblem(keyPath: "evaluation.cutoffs", value: "", rule: rule, suggestion: "leave it out"))
    }
    return found
  }
}
