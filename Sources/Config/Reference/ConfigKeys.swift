import Files

/// The whole table of keys, for whoever describes it: help texts, the reference, the schema.
enum ConfigKeys {
  /// A key, whatever its type.
  struct Node: Sendable {
    let name: String
    let reason: String
    let form: Form
  }

  /// What stands under a key.
  indirect enum Form: Sendable {
    case value(Value)
    /// Keys below it, with what the section is for.
    case section(String, [Node])
    /// Entries that all have these keys, with what the list is for.
    case list(String, [Node])
  }

  /// A plain value.
  struct Value: Sendable {
    /// What it must be: "a whole number from 1 to 64".
    let rule: String
    /// The default, as YAML.
    let text: String
    /// Whether the default is none that a file may have, so that the file must say.
    let isRequired: Bool
    /// Keywords of JSON Schema that say what the rule does.
    let schema: [JSONValue.Field]
  }

  /// One key as a help text shows it.
  struct Description: Sendable, Equatable {
    /// Dotted path, as `--set` takes it: `model.id_dim`; `targeted.0.name` for a key of a list's entries.
    package let path: String
    /// What a value must be.
    package let rule: String
    /// The default, as YAML.
    package let value: String
    /// What it is for.
    package let reason: String
  }

  /// Every key, in the order of the file.
  package static let listing: [Description] = list(RunConfig.nodes, at: "")

  private static func list(_ nodes: [Node], at path: String) -> [Description] {
    nodes.flatMap { node -> [Description] in
      let keyPath = path + node.name
      switch node.form {
      case .value(let value): return [Description(path: keyPath, rule: value.rule, value: value.text, reason: node.reason)]
      case .section(_, let nodes): return list(nodes, at: keyPath + ".")
      case .list(_, let nodes): return list(nodes, at: keyPath + ".0.")
      }
    }
  }
}
