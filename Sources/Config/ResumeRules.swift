/// What may change between a run and its continuation: what does not decide which numbers are trained.
///
/// Ours. A resumed run is to be the run that was never interrupted; a run with other settings is a new one, which may start from
/// the old one's numbers (`--from`).
public enum ResumeRules {
  /// Keys, or sections, whose values may change.
  public static let changeable = [
    "checkpoint", "guards", "log", "compute.overlap", "evaluation.cutoffs", "evaluation.catalogue_mib", "bench",
  ]

  /// The keys that a run cannot go on with, as one problem each.
  public static func problems(_ old: RunConfig, _ new: RunConfig) -> [ConfigProblem] {
    let (before, after) = (Dictionary(old.flat) { $1 }, Dictionary(new.flat) { $1 })
    return Set(before.keys).union(after.keys).sorted().compactMap { key in
      guard before[key] != after[key], !mayChange(key) else { return nil }
      return ConfigProblem(
        keyPath: key, value: after[key] ?? "", rule: "was \(before[key] ?? "not there") when the run began",
        suggestion: "on --resume only \(changeable.joined(separator: ", ")) may change")
    }
  }

  /// Keys that decide what a model's numbers are and mean: a run that begins with another's must share them.
  public static let extents = [
    "model.id_dim", "model.semantic_dim", "model.experts", "model.active_experts", "model.gate_input", "model.layers",
    "model.heads", "model.length", "model.scene_embedding", "model.behavior_embedding", "optimizer.rows",
  ]

  /// The keys that keep a run from beginning with the numbers of another, as one problem each.
  public static func extentProblems(_ old: RunConfig, _ new: RunConfig) -> [ConfigProblem] {
    let (before, after) = (Dictionary(old.flat) { $1 }, Dictionary(new.flat) { $1 })
    return extents.filter { before[$0] != after[$0] }.map { key in
      ConfigProblem(
        keyPath: key, value: after[key] ?? "", rule: "is \(before[key] ?? "not there") in the checkpoint",
        suggestion: "with --from the model's extents stay")
    }
  }

  /// Whether a key may have another value when a run goes on.
  public static func mayChange(_ key: String) -> Bool {
    changeable.contains { key == $0 || key.hasPrefix($0 + ".") }
  }
}
