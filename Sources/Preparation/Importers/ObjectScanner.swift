import Files

/// Finds the values of some keys in one line that is a JSON object, or a Python literal that looks like one.
///
/// Ours.
///
/// The metadata files of the Amazon 2014 release are printed Python dictionaries: single quotes, `True`, `None`, `\x` escapes. They are
/// read by this scanner as data; nothing is ever evaluated. Only the outermost object's keys count, nested values are stepped over.
struct ObjectScanner {
  /// Nesting deeper than this is refused, which also bounds the memory a line can claim.
  static let maximumDepth = 64

  enum Value: Equatable {
    case text(Range<Int>)
    case literal(Range<Int>)
    case nested
    case null
  }

  struct Malformed: Error {
    var detail: String
  }

  private static let words = ["null", "true", "false"]
  private static let pythonWords = words + ["None", "True", "False", "nan", "NaN", "inf"]
  private static let missing: Set = ["null", "None", "nan", "NaN"]

  private let wanted: [[UInt8]]
  private let isPython: Bool
  private let scratch = ByteBuffer()
  private var line = UnsafeRawBufferPointer(start: nil, count: 0)
  private var index = 0
  private var values: [Value?]

  /// `keys` in the order in which `scan` reports them; `isPython` admits Python literals beside JSON.
  init(keys: [String], isPython: Bool) {
    wanted = keys.map { Array($0.utf8) }
    self.isPython = isPython
    values = Array(repeating: nil, count: keys.count)
  }

  /// The bytes of a wanted key's text or number after `scan`; nil when it is absent, null or nested.
  func bytes(_ key: Int) -> UnsafeRawBufferPointer? {
    switch values[key] {
    case .text(let range): scratch[range]
    case .literal(let range): UnsafeRawBufferPointer(rebasing: line[range])
    case .nested, .null, nil: nil
    }
  }

  /// Reads one line.
  ///
  /// Throws `Malformed` saying what is wrong and at which byte.
  mutating func scan(_ line: UnsafeRawBufferPointer) throws {
    self.line = line
    index = 0
    scratch.removeAll()
    for key in values.indices { values[key] = nil }
    skipSpace()
    try expect(0x7B, "{")
    skipSpace()
    if peek == 0x7D { return try finish() }
    while true {
      try member()
      skipSpace()
      guard peek == 0x2C else { break }
      index += 1
      skipSpace()
      if isPython && peek == 0x7D { break }
    }
    try finish()
  }

  private var peek: UInt8? { index < line.count ? line[index] : nil }

  private mutating func finish() throws {
    try expect(0x7D, "}")
    skipSpace()
    if index < line.count { throw malformed("text after the object") }
  }

  private mutating func member() throws {
    let key = try string()
    let wantedKey = wanted.firstIndex { $0.count == key.count && $0.elementsEqual(scratch[key]) }
    skipSpace()
    try expect(0x3A, ":")
    skipSpace()
    let value = try self.value()
    if let wantedKey { values[wantedKey] = value }
  }

  private mutating func value() throws -> Value {
    switch peek {
    case 0x22: return .text(try string())
    case 0x27 where isPython: return .text(try string())
    case 0x7B, 0x5B: return try nested()
    case nil: throw malformed("the line ends early")
    default: return try literal()
    }
  }

  /// A number or a word such as `true`, `null` or, in Python, `None`.
  private mutating func literal() throws -> Value {
    let start = index
    while let byte = peek, byte != 0x2C, byte != 0x7D, byte != 0x5D, byte > 0x20 { index += 1 }
    let bytes = line[start..<index]
    if let first = bytes.first, first == 0x2D || first &- 0x30 < 10 {
      let isNumber = bytes.allSatisfy { $0 &- 0x30 < 10 || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E || $0 | 0x20 == 0x65 }
      guard isNumber else { throw malformed("a broken number", at: start) }
      return .literal(start..<index)
    }
    let words = isPython ? Self.pythonWords : Self.words
    guard let word = words.first(where: { $0.utf8.elementsEqual(bytes) }) else { throw malformed("an unknown word", at: start) }
    return Self.missing.contains(word) ? .null : .nested
  }

  /// Steps over an array or object, checking only that brackets and strings close.
  private mutating func nested() throws -> Value {
    var closers: [UInt8] = []
    repeat {
      guard let byte = peek else { throw malformed("the line ends early") }
      switch byte {
      case 0x7B, 0x5B:
        closers.append(byte + 2)
        if closers.count > ObjectScanner.maximumDepth { throw malformed("brackets nested too deeply") }
        index += 1
      case 0x7D, 0x5D:
        if closers.popLast() != byte { throw malformed("a bracket that does not match") }
        index += 1
      case 0x22: _ = try string()
      case 0x27 where isPython: _ = try string()
      default: index += 1
      }
    } while !closers.isEmpty
    return .nested
  }

  /// Reads a string into the scratch memory and returns where it stands there.
  private mutating func string() throws -> Range<Int> {
    guard let quote = peek, quote == 0x22 || (isPython && quote == 0x27) else { throw malformed("a string is wanted") }
    index += 1
    let start = scratch.count
    while let byte = peek {
      index += 1
      if byte == quote { return start..<scratch.count }
      if byte == 0x5C {
        try escape()
      } else {
        if byte < 0x20 && !isPython { throw malformed("a control character in a string") }
        scratch.append(byte)
      }
    }
    throw malformed("a string that does not end")
  }

  private mutating func escape() throws {
    guard let byte = peek else { throw malformed("a string that does not end") }
    index += 1
    switch byte {
    case 0x22, 0x5C, 0x2F: scratch.append(byte)
    case 0x62: scratch.append(0x08)
    case 0x66: scratch.append(0x0C)
    case 0x6E: scratch.append(0x0A)
    case 0x72: scratch.append(0x0D)
    case 0x74: scratch.append(0x09)
    case 0x75: try unicode(digits: 4)
    case 0x27 where isPython: scratch.append(byte)
    case 0x78 where isPython: try unicode(digits: 2)
    case 0x55 where isPython: try unicode(digits: 8)
    default: throw malformed("an unknown escape")
    }
  }

  /// `\u`, `\x` or `\U`.
  ///
  /// Half a surrogate pair stays what it is, in bytes that are no UTF-8: an id with one is refused, and two of them never become one.
  private mutating func unicode(digits: Int) throws {
    var code = try hexadecimal(digits)
    if code >> 10 == 0xD800 >> 10, index + 1 < line.count, line[index] == 0x5C, line[index + 1] == 0x75 {
      let before = index
      index += 2
      let low = try hexadecimal(4)
      if low >> 10 == 0xDC00 >> 10 {
        code = 0x1_0000 + (code & 0x3FF) << 10 + low & 0x3FF
      } else {
        index = before
      }
    }
    if let scalar = Unicode.Scalar(code) { return scratch.append(scalar) }
    guard code >> 11 == 0xD800 >> 11 else { throw malformed("an escape beyond Unicode") }
    for byte in [0xE0 | code >> 12, 0x80 | code >> 6 & 0x3F, 0x80 | code & 0x3F] { scratch.append(UInt8(byte)) }
  }

  private mutating func hexadecimal(_ digits: Int) throws -> UInt32 {
    guard index + digits <= line.count else { throw malformed("an escape cut short") }
    var code: UInt32 = 0
    for byte in line[index..<index + digits] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("an escape that is not hexadecimal")
      }
      code = code << 4 | UInt32(digit)
    }
    index += digits
    return code
  }

  private mutating func skipSpace() { while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0D { index += 1 } }

  private mutating func expect(_ byte: UInt8, _ name: String) throws {
    guard peek == byte else { throw malformed("\(name) is wanted") }
    index += 1
  }

  private func malformed(_ what: String, at position: Int? = nil) -> Malformed {
    Malformed(detail: "\(what) at byte \((position ?? index) + 1)")
  }
}
