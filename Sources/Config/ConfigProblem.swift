/// One fault of a configuration, as a person reads it: where, what stands there, what should.
public struct ConfigProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where a value came from.
  public enum Origin: Sendable, Equatable {
    /// A line of the file, from 1.
    case line(Int)
    /// A `--set` on the command line.
    case override(String)
    /// Nowhere in particular: a default, or the whole file.
    case none
  }

  /// Dotted path of the key; empty for the whole file.
  public let keyPath: String
  /// What stands there; empty when nothing does.
  public let value: String
  /// What it breaks: "must be a whole number from 1 to 64".
  public let rule: String
  /// What to do about it.
  public let suggestion: String?
  /// Where it stands.
  public var origin: Origin
  /// Other keys whose values the rule speaks of: where one of them is itself at fault, the rule says nothing.
  public let others: [String]

  /// Makes a problem of its parts.
  public init(
    keyPath: String, value: String, rule: String, suggestion: String? = nil, origin: Origin = .none, others: [String] = []
  ) {
    self.keyPath = keyPath
    self.value = value
    self.rule = rule
    self.suggestion = suggestion
    self.origin = origin
    self.others = others
  }

  /// Whether the fault lies in, above or below one of these keys, or its rule speaks of one.
  func concerns(_ keys: Set<String>) -> Bool {
    ([keyPath] + others).contains { key in
      keys.contains { $0 == key || $0.hasPrefix(key + ".") || key.hasPrefix($0 + ".") }
    }
  }

  init(_ keyPath: String, _ node: ConfigNode, rule: String, suggestion: String?) {
    self.init(keyPath: keyPath, value: node.shown, rule: rule, suggestion: suggestion, origin: node.origin)
  }

  /// `line 4, model.heads: 3, must divide 128; try 2 or 4`.
  public var description: String {
    let place =
      switch origin {
      case .line(let line): "line \(line), "
      case .override(let text): "--set \(Self.short(text)), "
      case .none: ""
      }
    let path = Self.short(keyPath)
    let subject = path.isEmpty ? "" : value.isEmpty ? "\(path): " : "\(path): \(value), "
    return place + subject + rule + (suggestion.map { "; " + $0 } ?? "")
  }

  private static func short(_ text: String) -> String { text.count > 100 ? text.prefix(100) + "..." : text }
}
