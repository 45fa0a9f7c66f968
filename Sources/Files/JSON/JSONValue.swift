/// JSON to be written, with keys in the order given: two runs' files can be compared line by line.
///
/// Numbers that JSON cannot hold (NaN, infinities) become `null`, so that a diverged run still leaves a readable file.
package indirect enum JSONValue: Sendable, Equatable {
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
  package struct Field: Sendable, Equatable {
    /// The key.
    package let key: String
    /// The value.
    package let value: JSONValue

    /// Makes a field.
    package init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// One line, no spaces after separators.
  package var line: String {
    var text = ""
    write(to: &text, indent: nil)
    return text
  }

  /// Several lines, indented by two, without a line end at the end.
  package var indented: String {
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
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
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
  package init(stringLiteral value: String) { self = .string(value) }
  /// `5`.
  package init(integerLiteral value: Int) { self = .int(value) }
  /// `0.5`.
  package init(floatLiteral value: Double) { self = .double(value) }
  /// `true`.
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  /// `["step": 5]`, in this order.
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { Field($0, $1) }) }
  /// `[1, 2]`.
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// `nil`.
  package init(nilLiteral: ()) { self = .null }
}

/// Reading back what was written: keys come sorted by name, because a decoder has no order of its own.
extension JSONValue: Decodable {
  /// Any JSON.
  package init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: AnyKey.self) {
      self = .object(
        try object.allKeys.sorted { $0.stringValue < $1.stringValue }
          .map { Field($0.stringValue, try object.decode(JSONValue.self, forKey: $0)) })
      return
    }
    let single = try decoder.singleValueContainer()
    if single.decodeNil() {
      self = .null
    } else if let flag = try? single.decode(Bool.self) {
      self = .bool(flag)
    } else if let number = try? single.decode(Int.self) {
      self = .int(number)
    } else if let number = try? single.decode(Double.self) {
      self = .double(number)
    } else if let list = try? single.decode([JSONValue].self) {
      self = .array(list)
    } else {
      self = .string(try single.decode(String.self))
    }
  }

  /// The value of an object's key; nil when there is none, or this is no object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let fields) = self else { return nil }
    return fields.first { $0.key == key }?.value
  }

  /// A number, whole or not; nil for anything else.
  package var number: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
