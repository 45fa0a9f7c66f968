/// What a value of the right type must fulfil besides, in words and as a test.
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
