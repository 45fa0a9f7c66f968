/// Everything that decides what a run trains, and how: one value, read once, passed down, never changed.
///
/// The file form is YAML with the same names in snake_case, read by ``ConfigReader`` and written by ``ConfigWriter``; there is no
/// other way in (so no `Codable`), because only the reader checks. Each section
/// is a struct of its own and declares its keys (name, range, reason) beside its properties; a property's initial value is its
/// default. The world size is not part of it: a run on another number of ranks trains the same model.
package struct RunConfig: Sendable, Equatable {
  /// Seed of every random draw: init, permutations, negatives, dropout.
  package var seed: UInt64 = 1
  /// What the model is: widths, experts, transformer.
  package var model = ModelConfig()
  /// How many users make a step.
  package var batch = BatchConfig()
  /// The universal phase: next item, over every scene and behavior.
  package var universal = UniversalConfig()
  /// The targeted phases, none, one or several; each starts from the end of the universal phase.
  package var targeted: [TargetedConfig] = []
  /// Learning rates and update rules of dense parameters and of rows.
  package var optimizer = OptimizerConfig()
  /// Number format of the arithmetic.
  package var compute = ComputeConfig()
  /// When checkpoints are written and which are kept.
  package var checkpoint = CheckpointConfig()
  /// What ends a run before it is lost, and what it warns of.
  package var guards = GuardsConfig()
  /// What becomes of items without training events.
  package var coldStart = ColdStartConfig()
  /// When and how the model is evaluated.
  package var evaluation = EvaluationConfig()
  /// How often a step is written down.
  package var log = LogConfig()
  /// The made-up catalogue of `precise bench`; training ignores it.
  package var bench: BenchConfig?

  /// The defaults: a run that works on a small data set.
  package init() {}

  /// Every key with its value as YAML text, in the order of the file: `("model.id_dim", "64")`, `("targeted.0.name", "like")`.
  ///
  /// Two runs' settings differ exactly where these lists differ.
  package var flat: [(key: String, value: String)] {
    ConfigText.section(entries).flattened(at: "")
  }

  /// The keys that differ from their defaults, each with its value and the default; nil of a key that has none.
  package var changedKeys: [(key: String, value: String, usual: String?)] {
    var base = RunConfig()
    base.targeted = targeted.map { _ in TargetedConfig() }
    let defaults = Dictionary(base.flat.map { ($0.key, $0.value) }) { first, _ in first }
    return flat.filter { defaults[$0.key] != $0.value }.map { ($0.key, $0.value, defaults[$0.key]) }
  }
}

extension RunConfig: ConfigSection {
  static let about = "Keys that belong to the run as a whole."

  static let keys: [ConfigKey<RunConfig>] = [
    .value("seed", \.seed, .any, "seed of every random draw: starting parameters, order of users, negatives, dropout"),
    .section("model", \.model, "what the model is"),
    .section("batch", \.batch, "what a step sees"),
    .section("universal", \.universal, "phase 1: the next item, over every scene and behavior"),
    .sections("targeted", \.targeted, "phase 2: none, one or several, each from the end of the universal phase"),
    .section("optimizer", \.optimizer, "AdamW for the dense parameters, a sparse rule for the rows"),
    .section("compute", \.compute, "number formats, and when messages travel"),
    .section("checkpoint", \.checkpoint, "what survives a stop"),
    .section("guards", \.guards, "what ends a run before it is lost, and what it warns of"),
    .section("cold_start", \.coldStart, "items without training events"),
    .section("evaluation", \.evaluation, "how a model is ranked, and which checkpoint is best"),
    .section("log", \.log, "metrics.jsonl and TensorBoard"),
    .section("bench", orNull: \.bench, "made-up catalogue of `precise bench`; training ignores it"),
  ]
}
