/// The whole table of keys, for help texts.
public enum ConfigKeys {
  /// One key as a help text shows it.
  public struct Description: Sendable, Equatable {
    /// Dotted path, as `--set` takes it: `model.id_dim`; `targeted.0.name` for a key of a list's entries.
    public let path: String
    /// What a value must be.
    public let rule: String
    /// The default, as YAML.
    public let value: String
    /// What it is for.
    public let reason: String
  }

  /// Every key, in the order of the file.
  public static let listing: [Description] = list(RunConfig.self, at: "")

  static func list<Section: ConfigSection>(_ section: Section.Type, at path: String) -> [Description] {
    let prefix = path.isEmpty ? "" : path + "."
    let defaults = Section()
    return Section.keys.flatMap { key -> [Description] in
      if !key.rule.isEmpty, case .scalar(let value) = key.write(defaults) {
        return [Description(path: prefix + key.name, rule: key.rule, value: value, reason: key.reason)]
      }
      return key.below().map { Description(path: prefix + $0.path, rule: $0.rule, value: $0.value, reason: $0.reason) }
    }
  }
}
