/// Reads the few JSON forms a safetensors header is made of, front to back, without recursion.
///
/// Errors are ``InputError`` that name the byte; the caller adds the file's name.
struct JSONCursor {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// Reads an object, handing each key over with the cursor standing before its value.
  mutating func object(_ member: (inout JSONCursor, String) throws -> Void) throws {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  /// Reads an array of at most `limit` integers.
  mutating func integers(limit: Int) throws -> [Int] {
    try expect("[")
    if take("]") { return [] }
    var values: [Int] = []
    repeat {
      guard values.count < limit else { throw fault("an array has more than the \(limit) numbers that are read here") }
      values.append(try integer())
    } while take(",")
    try expect("]")
    return values
  }

  /// Reads a string, resolving its escapes.
  mutating func string() throws -> String {
    try expect("\"")
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw fault("a string is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): try appendEscape(to: &text)
      case 0..<0x20: throw fault("a control character stands in a string")
      default: text.append(byte)
      }
    }
    throw fault("a string has no end")
  }

  /// Checks that nothing but white space follows.
  mutating func end() throws {
    skipSpace()
    guard position == bytes.count else { throw fault("something follows the header's object") }
  }

  private mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    while position < bytes.count, bytes[position] >= UInt8(ascii: "0"), bytes[position] <= UInt8(ascii: "9") { position += 1 }
    guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      throw fault("expected an integer of at most 64 bits")
    }
    return value
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws {
    guard position < bytes.count else { throw fault("a string has no end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try unicodeEscape()).utf8))
    default: throw fault("a string has an unknown escape")
    }
  }

  /// Reads what follows `\u`: four digits, or two times four for a scalar beyond U+FFFF.
  private mutating func unicodeEscape() throws -> Character {
    var units = [try hexadecimalUnit()]
    if UTF16.isLeadSurrogate(units[0]), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      units.append(try hexadecimalUnit())
    }
    guard let text = String(validating: units, as: UTF16.self), let scalar = text.unicodeScalars.first,
      text.unicodeScalars.count == 1
    else { throw fault("a string has half a surrogate pair") }
    return Character(scalar)
  }

  private mutating func hexadecimalUnit() throws -> UInt16 {
    guard bytes.count - position >= 4 else { throw fault("a string has no end") }
    let digits = bytes[position..<position + 4]
    guard digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw fault("\\u needs four hexadecimal digits") }
    position += 4
    return unit
  }

  private mutating func expect(_ character: Unicode.Scalar) throws {
    guard take(character) else { throw fault("expected \"\(character)\"") }
  }

  /// Steps over the character, and white space before it, when it comes next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private func fault(_ reason: String) -> InputError {
    InputError("\(reason) at byte \(position) of the header")
  }
}
