import Files
import Foundation
import Glibc

/// Reads one line `{"id": …, "embedding": […]}`: an item's id and its vector.
///
/// Ours. The keys may also be `item` and `vector`, in any order; other keys are stepped over. An id is a string or a whole number, whose
/// digits are the id. JSON's numbers alone are numbers: `NaN`, as Python prints it, is reported for what it is.
struct VectorLine {
  /// What is wrong with a line.
  struct Fault: Error {
    let detail: String
  }

  /// What the id is called, in lines and in tables.
  static let identifierKeys = ["id", "item"]
  /// What the vector is called.
  static let vectorKeys = ["embedding", "vector"]
  /// Brackets nested deeper than this are refused.
  private static let deepest = 64
  /// The line with a zero behind it, so that a number is never read past the end.
  private let line: UnsafeRawBufferPointer
  private var index = 0

  /// Copies a line into `buffer`, which must stay as it is while this value reads.
  init(_ line: UnsafeRawBufferPointer, buffer: ByteBuffer) {
    buffer.removeAll()
    buffer.append(line)
    buffer.append(UInt8(0))
    self.line = buffer[0..<buffer.count]
  }

  /// Appends the vector's numbers to `values` and returns the id.
  ///
  /// - Throws: `Fault`.
  mutating func read(into values: inout [Float]) throws -> String {
    var id: String?
    var hasVector = false
    try expect("{", "an object with \"id\" and \"embedding\" is wanted")
    while peek != UInt8(ascii: "}") {
      let key = try string()
      try expect(":", "a colon is wanted behind a key")
      if id == nil, Self.identifierKeys.contains(key) {
        id = try identifier(key)
      } else if !hasVector, Self.vectorKeys.contains(key) {
        try numbers(key, into: &values)
        hasVector = true
      } else {
        try skipValue()
      }
      if !take(",") { break }
    }
    try expect("}", "a comma or the object's end is wanted")
    guard peek == 0, index == line.count - 1 else { throw fault("there is text after the object") }
    guard let id else { throw Fault(detail: "there is no \"id\" (or \"item\")") }
    guard hasVector else { throw Fault(detail: "there is no \"embedding\" (or \"vector\")") }
    return id
  }

  /// The next byte that is no space.
  private var peek: UInt8 {
    mutating get {
      while [0x20, 0x09, 0x0D].contains(line[index]) { index += 1 }
      return line[index]
    }
  }

  private mutating func identifier(_ key: String) throws -> String {
    if peek == UInt8(ascii: "\"") { return try string() }
    let start = index
    if line[index] == UInt8(ascii: "-") { index += 1 }
    let digits = line[index...].prefix { $0 &- 0x30 < 10 }
    index += digits.count
    guard !digits.isEmpty, [UInt8(ascii: ","), UInt8(ascii: "}")].contains(peek) else {
      throw fault("\"\(key)\" is neither a string nor a whole number")
    }
    return String(decoding: line[start..<digits.endIndex], as: UTF8.self)
  }

  private mutating func numbers(_ key: String, into values: inout [Float]) throws {
    guard take("[") else { throw fault("\"\(key)\" is no list of numbers") }
    guard peek != UInt8(ascii: "]") else {
      index += 1
      return
    }
    let start = values.count
    repeat {
      guard values.count - start < VectorRows.largestWidth else {
        throw Fault(detail: "\"\(key)\" has more than \(VectorRows.largestWidth) numbers")
      }
      values.append(try number(key))
    } while take(",")
    guard take("]") else { throw fault("\"\(key)\" is no list of numbers") }
  }

  private mutating func number(_ key: String) throws -> Float {
    let first = peek
    // strtof reads words and hexadecimal digits too, which JSON has not.
    let text = line[index...].prefix { $0 &- 0x30 < 10 || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E || $0 | 0x20 == 0x65 }
    let isMissing =
      line[index + (first == 0x2D ? 1 : 0)] &- 0x30 >= 10
      && ["NaN", "Infinity", "-Infinity", "null"].contains { line[index...].starts(with: $0.utf8) }
    guard !isMissing else { throw fault("\"\(key)\" has NaN, infinity or null in it") }
    guard first == 0x2D || first &- 0x30 < 10, let base = line.baseAddress else {
      throw fault("\"\(key)\" is no list of numbers")
    }
    var end: UnsafeMutablePointer<CChar>?
    let value = strtof((base + index).assumingMemoryBound(to: CChar.self), &end)
    guard let end, UnsafeRawPointer(end) - base == text.endIndex else { throw fault("\"\(key)\" has a broken number in it") }
    index = text.endIndex
    guard value.isFinite else { throw fault("\"\(key)\" has a number beyond float32 in it") }
    return value
  }

  private mutating func string() throws -> String {
    guard peek == UInt8(ascii: "\"") else { throw fault("a string is wanted") }
    let start = index
    index += 1
    var hasEscape = false
    while line[index] != UInt8(ascii: "\"") {
      guard line[index] >= 0x20 else { throw fault("a string does not end") }
      if line[index] == UInt8(ascii: "\\") {
        hasEscape = true
        index += 1
        guard line[index] >= 0x20 else { throw fault("a string does not end") }
      }
      index += 1
    }
    index += 1
    if !hasEscape {
      guard let text = String(validating: line[start + 1..<index - 1], as: UTF8.self) else {
        throw fault("a string is not UTF-8")
      }
      return text
    }
    guard let text = try? JSONDecoder().decode(String.self, from: Data(line[start..<index])) else {
      throw fault("a string has a broken escape")
    }
    return text
  }

  /// Steps over any value, checking only that strings and brackets close.
  private mutating func skipValue() throws {
    var closers: [UInt8] = []
    repeat {
      switch peek {
      case UInt8(ascii: "\""): _ = try string()
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        guard closers.count < Self.deepest else { throw fault("brackets are nested too deeply") }
        closers.append(line[index] + 2)
        index += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard closers.popLast() == line[index] else { throw fault("a value is wanted") }
        index += 1
      case UInt8(ascii: ",") where !closers.isEmpty, UInt8(ascii: ":") where !closers.isEmpty: index += 1
      default:
        let word = line[index...].prefix { !([0, 0x20, 0x09, 0x0D, 0x2C, 0x3A, 0x5D, 0x7D] as [UInt8]).contains($0) }
        guard !word.isEmpty else { throw fault("the line ends early") }
        index += word.count
      }
    } while !closers.isEmpty
  }

  private mutating func take(_ letter: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: letter) else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ letter: Unicode.Scalar, _ what: String) throws {
    guard take(letter) else { throw fault(what) }
  }

  private func fault(_ what: String) -> Fault { Fault(detail: "\(what) (byte \(index + 1))") }
}
