import Files

/// A section of the configuration: a struct that starts with its defaults, and the table of its keys.
protocol ConfigSection: Sendable, Equatable {
  init()
  /// What the section is for: a sentence or two for the reference, read by people who have not seen the model's page.
  static var about: String { get }
  static var keys: [ConfigKey<Self>] { get }
}

extension ConfigSection {
  /// The keys as the reference and the schema need them, whatever their types.
  static var nodes: [ConfigKeys.Node] {
    let defaults = Self()
    return keys.map { ConfigKeys.Node(name: $0.name, reason: $0.reason, form: $0.form(defaults)) }
  }

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
/// The property's initial value is the default. Reader, writer, reference and schema all walk the same table.
struct ConfigKey<Section: Sendable>: Sendable {
  let name: String
  let reason: String
  /// What stands under the name, told from the section's defaults.
  let form: @Sendable (Section) -> ConfigKeys.Form
  let read: @Sendable (ConfigNode, String, inout Section, inout [ConfigProblem]) -> Void
  let write: @Sendable (Section) -> ConfigText

  /// A key with a plain value.
  static func value<Value: ConfigValue>(
    _ name: String, _ property: any WritableKeyPath<Section, Value> & Sendable, _ range: ConfigRange<Value>, _ reason: String
  ) -> ConfigKey {
    let rule =
      range.rule.isEmpty ? Value.kind : Value.kind + (range.rule.hasPrefix(",") ? "" : " ") + range.rule
    return ConfigKey(name: name, reason: reason) {
      let value = $0[keyPath: property]
      let schema = Value.schema.replaced(by: range.schema)
      return .value(
        ConfigKeys.Value(rule: rule, text: value.text, isRequired: !range.contains(value), schema: schema))
    } read: { node, path, section, faults in
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

  /// A key whose value is one of some words of a longer list.
  static func choice<Value: RawRepresentable & Sendable>(
    _ name: String, _ property: any WritableKeyPath<Section, Value> & Sendable, among values: [Value], _ reason: String
  ) -> ConfigKey where Value.RawValue == String {
    let words = values.map(\.rawValue)
    let rule = "one of " + words.joined(separator: ", ")
    let schema: [JSONValue.Field] = [.init("enum", .array(words.map { .string($0) }))]
    return ConfigKey(name: name, reason: reason) {
      .value(ConfigKeys.Value(rule: rule, text: $0[keyPath: property].rawValue, isRequired: false, schema: schema))
    } read: { node, path, section, faults in
      guard case .scalar(let text, _) = node.content else {
        return faults.append(ConfigProblem(path, node, rule: "must be \(rule)", suggestion: nil))
      }
      guard let value = values.first(where: { $0.rawValue == text }) else {
        let nearest = Spelling.nearest(to: text, among: words).map { "did you mean \($0)?" }
        return faults.append(ConfigProblem(path, node, rule: "must be \(rule)", suggestion: nearest))
      }
      section[keyPath: property] = value
    } write: {
      .scalar($0[keyPath: property].rawValue)
    }
  }

  /// A section within the section.
  static func section<Inner: ConfigSection>(
    _ name: String, _ property: any WritableKeyPath<Section, Inner> & Sendable, _ reason: String
  ) -> ConfigKey {
    ConfigKey(name: name, reason: reason) { _ in
      .section(Inner.about, Inner.nodes)
    } read: { node, path, section, faults in
      section[keyPath: property] = Inner.read(node, at: path, faults: &faults)
    } write: {
      .section($0[keyPath: property].entries)
    }
  }

  /// A section that may be left out altogether.
  static func section<Inner: ConfigSection>(
    _ name: String, orNull property: any WritableKeyPath<Section, Inner?> & Sendable, _ reason: String
  ) -> ConfigKey {
    ConfigKey(name: name, reason: reason) { _ in
      .section(Inner.about, Inner.nodes)
    } read: { node, path, section, faults in
      section[keyPath: property] = node.isNull ? nil : Inner.read(node, at: path, faults: &faults)
    } write: {
      $0[keyPath: property].map { .section($0.entries) } ?? .scalar("null")
    }
  }

  /// A list of sections.
  static func sections<Inner: ConfigSection>(
    _ name: String, _ property: any WritableKeyPath<Section, [Inner]> & Sendable, _ reason: String
  ) -> ConfigKey {
    ConfigKey(name: name, reason: reason) { _ in
      .list(Inner.about, Inner.nodes)
    } read: { node, path, section, faults in
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
