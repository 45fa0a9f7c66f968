/// What may change between a run and its continuation: what does not decide which numbers are trained.
///
/// Ours. A resumed run is to be the run that was never interrupted, and a targeted phase is to start from the universal phase that
/// was trained; a run with other settings is a new one, which may start from the old one's numbers (`--from`).
package enum ResumeRules {
  /// Keys, or sections, whose values may change.
  static let changeable = [
    "checkpoint", "guards", "log", "compute.overlap", "compute.by_host", "evaluation.patience", "evaluation.cutoffs",
    "evaluation.catalogue_mib", "cold_start", "bench",
  ]
  /// Keys that decide what a model's numbers are and mean: a run that begins with another's must share them.
  package static let extents = [
    "model.id_dim", "model.semantic_dim", "model.experts", "model.active_experts", "model.gate_input", "model.layers",
    "model.heads", "model.length", "model.scene_embedding", "model.behavior_embedding", "model.block", "model.time",
    "optimizer.rows",
  ]

  /// The keys that a run cannot go on with, as one problem each.
  ///
  /// Targeted phases are compared by name, so their order may change.
  ///
  /// - Parameter phases: names of targeted phases to compare; nil = all. The others have nothing trained that depends on their keys.
  package static func problems(_ old: RunConfig, _ new: RunConfig, phases: Set<String>? = nil) -> [ConfigProblem] {
    let (before, after) = (keyed(old, phases), keyed(new, phases))
    return Set(before.keys).union(after.keys).compactMap { key -> ConfigProblem? in
      guard before[key]?.value != after[key]?.value, !mayChange(key) else { return nil }
      return ConfigProblem(
        keyPath: after[key]?.path ?? before[key]?.path ?? key, value: after[key]?.value ?? "",
        rule: "was \(before[key]?.value ?? "not there") when the run began",
        suggestion: "in a run that is there only \(changeable.joined(separator: ", ")) may change")
    }.sorted { $0.keyPath < $1.keyPath }
  }

  /// Every key with its path and value; those of targeted phases under the phase's name in place of its number.
  private static func keyed(_ config: RunConfig, _ phases: Set<String>?) -> [String: (path: String, value: String)] {
    var keyed: [String: (path: String, value: String)] = [:]
    for (path, value) in config.flat {
      let parts = path.split(separator: ".", maxSplits: 2)
      guard parts.first == "targeted" else {
        keyed[path] = (path, value)
        continue
      }
      // An empty list is written as one value.
      guard parts.count == 3, let number = Int(parts[1]), config.targeted.indices.contains(number) else { continue }
      let name = config.targeted[number].name
      if phases?.contains(name) ?? true { keyed["targeted.\(name).\(parts[2])"] = (path, value) }
    }
    return keyed
  }

  /// The keys that keep a run from beginning with the numbers of another, as one problem each.
  package static func extentProblems(_ old: RunConfig, _ new: RunConfig) -> [ConfigProblem] {
    let (before, after) = (Dictionary(old.flat) { $1 }, Dictionary(new.flat) { $1 })
    return extents.filter { before[$0] != after[$0] }.map { key in
      ConfigProblem(
        keyPath: key, value: after[key] ?? "", rule: "is \(before[key] ?? "not there") in the checkpoint",
        suggestion: "with --from the model's extents stay")
    }
  }

  /// Whether a key may have another value when a run goes on.
  static func mayChange(_ key: String) -> Bool {
    changeable.contains { key == $0 || key.hasPrefix($0 + ".") }
  }
}
