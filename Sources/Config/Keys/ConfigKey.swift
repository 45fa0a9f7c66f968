/// A section of the configuration: a struct that starts with its defaults, and the table of its keys.
protocol ConfigSection: Sendable, Equatable {
  init()
  static var keys: [ConfigKey<Self>] { get }
}

extension ConfigSection {
  /// Every key with its present value, in the table's order.
  var entries: [ConfigText.Entry] {
    Self.keys.map { ConfigText.Entry(name: $0.name, reason: $0.reason, text: $0.write(self)) }
  }

  /// Reads a section over its defaults, noting every fault on the way.
  static func read(_ node: ConfigNode, at path: String, faults: inout [ConfigProblem]) -> Self {
    var section = Self()
    if node.isNull { return section }
    guard case .map(let pairs) = node.content else {
      faults.append(ConfigProblem(path, node, rule: "must be a section: keys and values", suggestion: nil))
      return section
    }
    for (name, node) in pairs {
      let keyPath = path.isEmpty ? name : "\(path).\(name)"
      if let key = keys.first(where: { $0.name == name }) {
        key.read(node, keyPath, &section, &faults)
      } else {
        // Finding the nearest key takes longer than everything else here; beyond what is shown nobody reads it.
        let suggestion = faults.count < ConfigProblems.shown ? Self.likely(name, in: path) : nil
        faults.append(ConfigProblem(keyPath, node, rule: "is not a key of this section", suggestion: suggestion))
      }
    }
    return section
  }

  /// What an unknown key was probably meant to be: the nearest of this section, else the same name elsewhere.
  private static func likely(_ name: String, in path: String) -> String? {
    if let near = Spelling.nearest(to: name, among: keys.map(\.name)) { return "did you mean \(near)?" }
    let elsewhere = ConfigKeys.listing.map(\.path).filter { $0.hasSuffix("." + name) && $0 != name }
    if let there = elsewhere.first { return "did you mean \(there)?" }
    return "known here: " + keys.map(\.name).joined(separator: ", ")
  }
}

/// One key of a section, declared once: its name, its range, its reason, and where in the struct it lives.
///
/// The property's initial value is the default. Reader, writer and listing all walk the same table.
struct ConfigKey<Section: Sendable>: Sendable {
  let name: String
  let reason: String
  /// What a value must be: "a whole number from 1 to 64"; empty for a section.
  let rule: String
  /// The keys below it, for the listing: (dotted path, rule, default, reason).
  let below: @Sendable () -> [ConfigKeys.Description]
  let read: @Sendable (ConfigNode, String, inout Section, inout [ConfigProblem]) -> Void
  let write: @Sendable (Section) -> ConfigText

  /// A key with a plain value.
  static func value<Value: ConfigValue>(
    _ name: String, _ property: any WritableKeyPath<Section, Value> & Sendable, _ range: ConfigRange<Value>, _ reason: String
  ) -> ConfigKey {
    let rule =
      range.rule.isEmpty ? Value.kind : Value.kind + (range.rule.hasPrefix(",") ? "" : " ") + range.rule
    return ConfigKey(name: name, reason: reason, rule: rule, below: { [] }) { node, path, section, faults in
      guard let value = Value.read(node), range.contains(value) else {
        faults.append(
          ConfigProblem(
            path, node, rule: "must be \(rule)", suggestion: Value.suggestion(for: node).map { "did you mean \($0)?" }))
        return
      }
      section[keyPath: property] = value
    } write: {
      .scalar($0[keyPath: property].text)
    }
  }

  /// A section within the section.
  static func section<Inner: ConfigSection>(
    _ name: String, _ property: any WritableKeyPath<Section, Inner> & Sendable, _ reason: String
  ) -> ConfigKey {
    ConfigKey(name: name, reason: reason, rule: "", below: { ConfigKeys.list(Inner.self, at: name) }) {
      node, path, section, faults in
      section[keyPath: property] = Inner.read(node, at: path, faults: &faults)
    } write: {
      .section($0[keyPath: property].entries)
    }
  }

  /// A section that may be left out altogether.
  static func section<Inner: ConfigSection>(
    _ name: String, orNull property: any WritableKeyPath<Section, Inner?> & Sendable, _ reason: String
  ) -> ConfigKey {
    ConfigKey(name: name, reason: reason, rule: "", below: { ConfigKeys.list(Inner.self, at: name) }) {
      node, path, section, faults in
      section[keyPath: property] = node.isNull ? nil : Inner.read(node, at: path, faults: &faults)
    } write: {
      $0[keyPath: property].map { .section($0.entries) } ?? .scalar("null")
    }
  }

  /// A list of sections.
  static func sections<Inner: ConfigSection>(
    _ name: String, _ property: any WritableKeyPath<Section, [Inner]> & Sendable, _ reason: String
  ) -> ConfigKey {
    ConfigKey(name: name, reason: reason, rule: "", below: { ConfigKeys.list(Inner.self, at: name + ".0") }) {
      node, path, section, faults in
      if node.isNull { return section[keyPath: property] = [] }
      guard case .list(let nodes) = node.content else {
        return faults.append(ConfigProblem(path, node, rule: "must be a list of sections", suggestion: "begin each with '- '"))
      }
      section[keyPath: property] = nodes.indices.map { Inner.read(nodes[$0], at: "\(path).\($0)", faults: &faults) }
    } write: {
      .list($0[keyPath: property].map(\.entries))
    }
  }
}

/// The whole table of keys, for help texts.
package enum ConfigKeys {
  /// One key as a help text shows it.
  package struct Description: Sendable, Equatable {
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
  package static let listing: [Description] = list(RunConfig.self, at: "")

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

/// What a value of the right type must fulfill besides, in words and as a test.
struct ConfigRange<Value: Sendable>: Sendable {
  /// Continues "must be a whole number ..."; empty when every value will do.
  let rule: String
  let contains: @Sendable (Value) -> Bool

  static var any: ConfigRange { ConfigRange(rule: "") { _ in true } }

  /// Null, or a value of the range.
  static func orNull<Wrapped>(_ range: ConfigRange<Wrapped>) -> ConfigRange where Value == Wrapped? {
    ConfigRange(rule: range.rule + ", or null") { $0.map(range.contains) ?? true }
  }
}

extension ConfigRange where Value: Comparable {
  static func within(_ bounds: ClosedRange<Value>) -> ConfigRange {
    ConfigRange(rule: "from \(bounds.lowerBound) to \(bounds.upperBound)") { bounds.contains($0) }
  }

  static func from(_ lower: Value, below upper: Value) -> ConfigRange {
    ConfigRange(rule: "from \(lower) to below \(upper)") { $0 >= lower && $0 < upper }
  }

  static func atLeast(_ lower: Value) -> ConfigRange {
    ConfigRange(rule: "of at least \(lower)") { $0 >= lower }
  }

  static func above(_ lower: Value) -> ConfigRange {
    ConfigRange(rule: "above \(lower)") { $0 > lower }
  }
}
