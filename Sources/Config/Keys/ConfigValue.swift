import Files

/// A type that a key can have: how it is read from a file and written to one.
protocol ConfigValue: Sendable {
  /// What a person should write, to be followed by the range: "a whole number".
  static var kind: String { get }
  /// The same as keywords of JSON Schema.
  static var schema: [JSONValue.Field] { get }
  /// The value, or nil when something else stands there.
  static func read(_ node: ConfigNode) -> Self?
  /// A better spelling of what stands there, if there is one.
  static func suggestion(for node: ConfigNode) -> String?
  /// The value as YAML.
  var text: String { get }
}

extension ConfigValue {
  static func suggestion(for node: ConfigNode) -> String? { nil }
}

/// A closed set of words.
protocol ConfigChoice: ConfigValue, CaseIterable, RawRepresentable where RawValue == String {}

extension ConfigChoice {
  static var kind: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
  static var schema: [JSONValue.Field] { [.init("enum", .array(allCases.map { .string($0.rawValue) }))] }

  static func read(_ node: ConfigNode) -> Self? {
    guard case .scalar(let text, _) = node.content else { return nil }
    return Self(rawValue: text)
  }

  static func suggestion(for node: ConfigNode) -> String? {
    guard case .scalar(let text, _) = node.content else { return nil }
    return Spelling.nearest(to: text, among: allCases.map(\.rawValue))
  }

  var text: String { rawValue }
}

extension Int: ConfigValue {
  static let kind = "a whole number"
  /// Editors take 20_000 for a text; the reader and YAML 1.1 do not.
  static let schema: [JSONValue.Field] = [.init("type", ["integer", "string"]), .init("pattern", "^[0-9]+(_[0-9]+)+$")]

  static func read(_ node: ConfigNode) -> Int? {
    guard case .scalar(let text, quoted: false) = node.content else { return nil }
    return Int(text.filter { $0 != "_" })
  }

  var text: String { description }
}

extension UInt64: ConfigValue {
  static let kind = "a whole number from 0 to 18446744073709551615"
  static let schema = Int.schema + [.init("minimum", 0), .init("maximum", .double(Double(UInt64.max)))]

  static func read(_ node: ConfigNode) -> UInt64? {
    guard case .scalar(let text, quoted: false) = node.content else { return nil }
    return UInt64(text.filter { $0 != "_" })
  }

  var text: String { description }
}

extension Double: ConfigValue {
  static let kind = "a number"
  static let schema: [JSONValue.Field] = [.init("type", "number")]

  static func read(_ node: ConfigNode) -> Double? {
    // `Double("nan")`, "inf" and hexadecimal forms parse too; a configuration has no use for them.
    guard case .scalar(let text, quoted: false) = node.content, text.allSatisfy({ "+-.0123456789eE".contains($0) }) else {
      return nil
    }
    return Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  var text: String { description }
}

extension Bool: ConfigValue {
  static let kind = "true or false"
  static let schema: [JSONValue.Field] = [.init("type", "boolean")]

  static func read(_ node: ConfigNode) -> Bool? {
    guard case .scalar(let text, quoted: false) = node.content else { return nil }
    return Bool(text)
  }

  static func suggestion(for node: ConfigNode) -> String? {
    guard case .scalar(let text, _) = node.content else { return nil }
    switch text.lowercased() {
    case "true", "yes", "on", "1": return "true"
    case "false", "no", "off", "0": return "false"
    default: return nil
    }
  }

  var text: String { description }
}

extension String: ConfigValue {
  static let kind = "a text"
  /// A scene may be called 5 or true.
  static let schema: [JSONValue.Field] = [.init("type", ["string", "number", "boolean"])]

  static func read(_ node: ConfigNode) -> String? {
    // A scene may be called 5 or true; only null is no text.
    guard case .scalar(let text, _) = node.content, !node.isNull else { return nil }
    return text
  }

  var text: String { ConfigText.quoted(self) }
}

extension Optional: ConfigValue where Wrapped: ConfigValue {
  static var kind: String { Wrapped.kind }
  static var schema: [JSONValue.Field] { Wrapped.schema.orNull }

  static func read(_ node: ConfigNode) -> Wrapped?? {
    if node.isNull { return .some(nil) }
    return Wrapped.read(node).map { .some($0) }
  }

  static func suggestion(for node: ConfigNode) -> String? { Wrapped.suggestion(for: node) }

  var text: String { self?.text ?? "null" }
}

extension Array: ConfigValue where Element: ConfigValue {
  static var kind: String { "a list, each \(Element.kind)" }
  static var schema: [JSONValue.Field] { [.init("type", "array"), .init("items", .object(Element.schema))] }

  static func read(_ node: ConfigNode) -> [Element]? {
    guard case .list(let nodes) = node.content else { return nil }
    let values = nodes.compactMap(Element.read)
    return values.count == nodes.count ? values : nil
  }

  var text: String { "[" + map(\.text).joined(separator: ", ") + "]" }
}
