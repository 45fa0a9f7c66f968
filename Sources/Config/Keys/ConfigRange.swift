import Files

/// What a value of the right type must fulfill besides, in words and as a test.
struct ConfigRange<Value: Sendable>: Sendable {
  /// Continues "must be a whole number ..."; empty when every value will do.
  let rule: String
  /// The same as keywords of JSON Schema.
  var schema: [JSONValue.Field] = []
  let contains: @Sendable (Value) -> Bool

  static var any: ConfigRange { ConfigRange(rule: "") { _ in true } }

  /// Null, or a value of the range.
  static func orNull<Wrapped>(_ range: ConfigRange<Wrapped>) -> ConfigRange where Value == Wrapped? {
    ConfigRange(rule: range.rule + ", or null", schema: range.schema) { $0.map(range.contains) ?? true }
  }
}

/// A value whose bounds a schema can state.
protocol ConfigNumber: Comparable, Sendable {
  var json: JSONValue { get }
}

extension Int: ConfigNumber {
  var json: JSONValue { .int(self) }
}

extension Double: ConfigNumber {
  var json: JSONValue { .double(self) }
}

extension ConfigRange where Value: ConfigNumber {
  static func within(_ bounds: ClosedRange<Value>) -> ConfigRange {
    ConfigRange(
      rule: "from \(bounds.lowerBound) to \(bounds.upperBound)",
      schema: [.init("minimum", bounds.lowerBound.json), .init("maximum", bounds.upperBound.json)]
    ) { bounds.contains($0) }
  }

  static func from(_ lower: Value, below upper: Value) -> ConfigRange {
    ConfigRange(
      rule: "from \(lower) to below \(upper)", schema: [.init("minimum", lower.json), .init("exclusiveMaximum", upper.json)]
    ) { $0 >= lower && $0 < upper }
  }

  static func atLeast(_ lower: Value) -> ConfigRange {
    ConfigRange(rule: "of at least \(lower)", schema: [.init("minimum", lower.json)]) { $0 >= lower }
  }

  static func above(_ lower: Value) -> ConfigRange {
    ConfigRange(rule: "above \(lower)", schema: [.init("exclusiveMinimum", lower.json)]) { $0 > lower }
  }
}
