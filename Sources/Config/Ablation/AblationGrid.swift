/// A declared comparison: variants of one configuration, each trained with several seeds and evaluated in the same way.
///
/// The file form is YAML, read by `AblationGrid.read`; docs/ablation.md. Ours.
package struct AblationGrid: Sendable, Equatable {
  /// A key with another value, as `--set` takes it, and the line of the grid that says so.
  package struct Override: Sendable, Equatable {
    /// `key.path=value`.
    package let text: String
    /// The line in the grid's file.
    package let line: Int

    /// The key's path.
    package var key: String { String(text.prefix { $0 != "=" }) }
  }

  /// One way to train.
  package struct Variant: Sendable, Equatable {
    /// Its name, fit for a folder.
    package let name: String
    /// A data set of its own; nil = the grid's.
    package let data: String?
    /// What it sets besides what all variants do.
    package let overrides: [Override]
  }

  /// One way to evaluate what has been trained.
  package struct Setting: Sendable, Equatable {
    /// Keys below `evaluation`; none = as the configuration has them.
    package let overrides: [Override]

    /// The overrides in words, the same for the same keys and values.
    package var label: String {
      overrides.isEmpty ? "as configured" : overrides.map(\.text).joined(separator: " ")
    }
  }

  /// Which checkpoints stay once a run has been trained.
  package enum Keep: String, Sendable, CaseIterable {
    /// Those that the configuration keeps.
    case all
    /// The result of each phase, and no other.
    case results
  }

  /// The grid's own file.
  package var file = ""
  /// The data set of all variants that name none; nil when the command line has to.
  package var data: String?
  /// The configuration that the variants are variants of.
  package var config = ""
  /// What every variant sets.
  package var common: [Override] = []
  /// A run each of every variant.
  package var seeds: [UInt64] = [1, 2, 3]
  /// The name of the variant that the others are compared with.
  package var base = ""
  /// In the order of the file.
  package var variants: [Variant] = []
  /// The phases that are evaluated; nil = all that a variant has.
  package var phases: [String]?
  /// The metrics of the tables.
  package var metrics = ["recall@10", "ndcg@10"]
  /// The buckets of the tables.
  package var buckets = ["all", "head", "mid", "tail", "unseen"]
  /// Each way to evaluate; one at least.
  package var settings = [Setting(overrides: [])]
  /// Which checkpoints stay.
  package var keep = Keep.all

  /// The `--set`s that make a variant's run of a seed.
  package func settings(_ variant: Variant, seed: UInt64) -> [String] {
    (common + variant.overrides).map(\.text) + ["seed=\(seed)"]
  }

  /// The data set of a variant; nil when neither it nor the grid names one.
  package func data(of variant: Variant) -> String? { variant.data ?? data }

  /// The resolved configuration of a variant's run, perhaps as it is evaluated.
  ///
  /// Throws `ConfigProblems`: of the grid's file, with its lines, where an override is at fault; else of the configuration's.
  package func resolve(
    _ variant: Variant, seed: UInt64, evaluated setting: Setting? = nil
  ) throws(ConfigProblems) -> RunConfig {
    let own = setting?.overrides ?? []
    do {
      return try ConfigReader.read(file: config, overrides: settings(variant, seed: seed) + own.map(\.text))
    } catch {
      let mine = error.problems.compactMap { located($0, variant, own) }
      guard mine.isEmpty else { throw ConfigProblems(file: file, problems: mine) }
      throw error
    }
  }

  /// A problem that an override brought, under the grid's line and key; nil when it is the configuration's own.
  private func located(_ problem: ConfigProblem, _ variant: Variant, _ own: [Override]) -> ConfigProblem? {
    guard case .override(let text) = problem.origin else { return nil }
    let locations = [(common, "set"), (variant.overrides, "variants.\(variant.name)"), (own, "evaluate")]
    for (overrides, location) in locations {
      guard let override = overrides.first(where: { $0.text == text }) else { continue }
      let path = problem.keyPath.isEmpty ? override.key : problem.keyPath
      return ConfigProblem(
        keyPath: "\(location).\(path)", value: problem.value, rule: problem.rule, suggestion: problem.suggestion,
        origin: .line(override.line))
    }
    return problem
  }
}

extension AblationGrid {
  /// The keys of a grid's file, for the reference and for suggestions; `AblationReader` reads them.
  static let keys: [ConfigKeys.Description] = [
    key("data", "a folder", "--data", "data set of every variant that names none of its own"),
    key("config", "a file", nil, "configuration that the variants are variants of"),
    key("set", "a section", "{}", "keys of the configuration that every variant sets, each under its dotted path"),
    key("seeds", "a list of whole numbers", "[1, 2, 3]", "each variant is trained once with each of them as its seed"),
    key("base", "a variant's name", "the first", "variant that the others are compared with"),
    key(
      "variants", "a section", nil,
      "names, each with the keys it sets under their dotted paths, and data for a data set of its own"),
    key("phases", "a list of names", "all", "phases that are evaluated"),
    key("metrics", "a list of recall@k, ndcg@k, mrr", "[recall@10, ndcg@10]", "metrics of the tables"),
    key("buckets", "a list of names", "[all, head, mid, tail, unseen]", "groups of users that have a column in the tables"),
    key("evaluate", "a section", "{}", "keys below evaluation, each with a value or a list; every combination is evaluated"),
    key("keep", "one of all, results", "all", "checkpoints that stay: those the configuration keeps, or each phase's result"),
  ]

  /// - Parameter value: the default; nil where the file must say.
  private static func key(_ path: String, _ rule: String, _ value: String?, _ reason: String) -> ConfigKeys.Description {
    ConfigKeys.Description(path: path, rule: rule, value: value ?? "", reason: reason)
  }
}
