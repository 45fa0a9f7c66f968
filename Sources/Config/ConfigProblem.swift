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

  /// Makes a problem of its parts.
  public init(keyPath: String, value: String, rule: String, suggestion: String? = nil, origin: Origin = .none) {
    self.keyPath = keyPath
    self.value = value
    self.rule = rule
    self.suggestion = suggestion
    self.origin = origin
  }

  init(_ keyPath: String, _ node: ConfigNode, rule: String, suggestion: String?) {
    self.init(keyPath: keyPath, value: node.shown, rule: rule, suggestion: suggestion, origin: node.origin)
  }

  /// `line 4, model.heads: 3, must divide 128; try 2 or 4`.
  public var description: String {
    let place =
      switch origin {
      case .line(let line): "line \(line), "
      case .override(let text): "--set \(text), "
      case .none: ""
      }
    let subject = keyPath.isEmpty ? "" : value.isEmpty ? "\(keyPath): " : "\(keyPath): \(value), "
    return place + subject + rule + (suggestion.map { "; " + $0 } ?? "")
  }
}
