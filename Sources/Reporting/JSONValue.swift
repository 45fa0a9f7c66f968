/// JSON to be written, with keys in the order given: two runs' files can be compared line by line.
///
/// Numbers that JSON cannot hold (NaN, infinities) become `null`, so that a diverged run still leaves a readable file.
public indirect enum JSONValue: Sendable, Equatable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A whole number.
  case int(Int)
  /// A number; `null` when it is not finite.
  case double(Double)
  /// A text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// Keys and values, written in this order.
  case object([Field])

  /// One key of an object with its value.
  public struct Field: Sendable, Equatable {
    /// The key.
    public let key: String
    /// The value.
    public let value: JSONValue

    /// Makes a field.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// One line, no spaces after separators.
  public var line: String {
    var text = ""
    write(to: &text, indent: nil)
    return text
  }

  /// Several lines, indented by two, without a line end at the end.
  public var indented: String {
    var text = ""
    write(to: &text, indent: 0)
    return text
  }

  private func write(to text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .int(let value): text += String(value)
    case .double(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): JSONValue.write(value, to: &text)
    case .array(let values):
      JSONValue.write(values, brackets: ("[", "]"), to: &text, indent: indent) { $0.write(to: &$1, indent: $2) }
    case .object(let fields):
      JSONValue.write(fields, brackets: ("{", "}"), to: &text, indent: indent) { field, text, indent in
        JSONValue.write(field.key, to: &text)
        text += indent == nil ? ":" : ": "
        field.value.write(to: &text, indent: indent)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], brackets: (String, String), to text: inout String, indent: Int?,
    element write: (Element, inout String, Int?) -> Void
  ) {
    text += brackets.0
    let inner = indent.map { $0 + 2 }
    for (place, element) in elements.enumerated() {
      if place > 0 { text += "," }
      if let inner { text += "\n" + String(repeating: " ", count: inner) }
      write(element, &text, inner)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += brackets.1
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for letter in string.unicodeScalars {
      switch letter {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
        let digits = String(letter.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(letter)
      }
    }
    text += "\""
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByNilLiteral
{
  /// `"text"`.
  public init(stringLiteral value: String) { self = .string(value) }
  /// `5`.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// `0.5`.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// `true`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// `["step": 5]`, in this order.
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { Field($0, $1) }) }
  /// `[1, 2]`.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// `nil`.
  public init(nilLiteral: ()) { self = .null }
}
