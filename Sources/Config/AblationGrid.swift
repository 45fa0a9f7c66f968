/// A declared comparison: variants of one configuration, each trained with several seeds and judged in the same way.
///
/// The file form is YAML, read by `AblationGrid.read`; docs/ablation.md. Ours.
public struct AblationGrid: Sendable, Equatable {
  /// A key with another value, as `--set` takes it, and the line of the grid that says so.
  public struct Override: Sendable, Equatable {
    /// `key.path=value`.
    public let text: String
    /// The line in the grid's file.
    public let line: Int

    /// The key's path.
    public var key: String { String(text.prefix { $0 != "=" }) }
  }

  /// One way to train.
  public struct Variant: Sendable, Equatable {
    /// Its name, fit for a folder.
    public let name: String
    /// A data set of its own; nil = the grid's.
    public let data: String?
    /// What it sets besides what all variants do.
    public let overrides: [Override]
  }

  /// One way to judge what has been trained.
  public struct Judgement: Sendable, Equatable {
    /// Keys below `evaluation`; none = as the configuration has them.
    public let overrides: [Override]

    /// The overrides in words, the same for the same keys and values.
    public var label: String {
      overrides.isEmpty ? "as configured" : overrides.map(\.text).joined(separator: " ")
    }
  }

  /// Which checkpoints stay once a run has been trained.
  public enum Keep: String, Sendable, CaseIterable {
    /// Those that the configuration keeps.
    case all
    /// The result of each phase, and no other.
    case results
  }

  /// The grid's own file.
  public var file = ""
  /// The data set of all variants that name none; nil when the command line has to.
  public var data: String?
  /// The configuration that the variants are variants of.
  public var config = ""
  /// What every variant sets.
  public var common: [Override] = []
  /// A run each of every variant.
  public var seeds: [UInt64] = [1, 2, 3]
  /// The name of the variant that the others are compared with.
  public var base = ""
  /// In the order of the file.
  public var variants: [Variant] = []
  /// The phases that are judged; nil = all that a variant has.
  public var phases: [String]?
  /// The metrics of the tables.
  public var metrics = ["recall@10", "ndcg@10"]
  /// The buckets of the tables.
  public var buckets = ["all", "head", "mid", "tail", "unseen"]
  /// Each way to judge; one at least.
  public var judgements = [Judgement(overrides: [])]
  /// Which checkpoints stay.
  public var keep = Keep.all

  /// The `--set`s that make a variant's run of a seed.
  public func settings(_ variant: Variant, seed: UInt64) -> [String] {
    (common + variant.overrides).map(\.text) + ["seed=\(seed)"]
  }

  /// The data set of a variant; nil when neither it nor the grid names one.
  public func data(of variant: Variant) -> String? { variant.data ?? data }

  /// The resolved configuration of a variant's run, perhaps as it is judged.
  ///
  /// Throws `ConfigProblems`: of the grid's file, with its lines, where an override is at fault; else of the configuration's.
  public func resolve(
    _ variant: Variant, seed: UInt64, judged judgement: Judgement? = nil
  ) throws(ConfigProblems) -> RunConfig {
    let own = judgement?.overrides ?? []
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
    let places = [(common, "set"), (variant.overrides, "variants.\(variant.name)"), (own, "evaluate")]
    for (overrides, place) in places {
      guard let override = overrides.first(where: { $0.text == text }) else { continue }
      let path = problem.keyPath.isEmpty ? override.key : problem.keyPath
      return ConfigProblem(
        keyPath: "\(place).\(path)", value: problem.value, rule: problem.rule, suggestion: problem.suggestion,
        origin: .line(override.line))
    }
    return problem
  }
}
