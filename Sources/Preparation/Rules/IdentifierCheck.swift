import Datasets
import Files

/// Which ids are refused: empty ones, over 1 KiB, not UTF-8, with control characters or line separators, with a byte order mark at the start.
///
/// Ours.
///
/// A line end or a NUL inside an id would break every list of ids that is written later; Python's `splitlines` ends lines at U+2028 and
/// U+2029 too, and readers take a byte order mark off a file's start.
enum IdentifierCheck {
  static let maximumBytes = 1_024

  /// What is wrong with an id, or nil.
  ///
  /// A data set of an earlier version may have line separators in its ids: they stay (`isPrepared`).
  static func problem(_ id: UnsafeRawBufferPointer, _ what: String, isPrepared: Bool = false) -> BadRow? {
    guard !id.isEmpty else { return BadRow(kind: .emptyID, detail: "the \(what) is empty") }
    guard id.count <= maximumBytes else {
      return BadRow(kind: .longID, detail: "the \(what) \(excerpt(id)) has \(id.count) bytes")
    }
    var isPlain = true
    for byte in id where byte < 0x20 || byte >= 0x7F { isPlain = false }
    if isPlain { return nil }
    guard let text = String(validating: id, as: UTF8.self) else {
      let isSurrogate = hasSurrogate(id)
      return BadRow(
        kind: .encoding,
        detail: "the \(what) \(excerpt(id)) " + (isSurrogate ? "has half a surrogate pair, which is no Unicode" : "is not UTF-8"))
    }
    if isPrepared {
      guard let letter = text.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) else { return nil }
      return control(letter, id, what)
    }
    if text.unicodeScalars.first == "\u{FEFF}" {
      return BadRow(kind: .control, detail: "the \(what) \(excerpt(id)) begins with a byte order mark")
    }
    return text.unicodeScalars.first(where: isLineEndOrControl).map { control($0, id, what) }
  }

  /// Whether a list of lines cannot hold the id.
  static func breaksLines(_ id: String) -> Bool { id.unicodeScalars.contains(where: isLineEndOrControl) }

  private static func isLineEndOrControl(_ letter: Unicode.Scalar) -> Bool {
    switch letter.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  private static func control(_ letter: Unicode.Scalar, _ id: UnsafeRawBufferPointer, _ what: String) -> BadRow {
    let kind = letter.properties.generalCategory == .control ? "control character" : "line separator"
    let digits = String(letter.value, radix: 16, uppercase: true)
    return BadRow(
      kind: .control,
      detail: "the \(what) \(excerpt(id)) has the \(kind) U+\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)")
  }

  /// Whether half a surrogate pair stands in the bytes, encoded as UTF-8 would if it could.
  static func hasSurrogate(_ bytes: UnsafeRawBufferPointer) -> Bool {
    zip(bytes, bytes.dropFirst()).contains { $0 == 0xED && $1 >= 0xA0 }
  }
}

/// Ids in lists of lines.
package enum IdentifierLines {
  /// Whether a list with an id a line cannot hold this one: readers would make two lines of it.
  package static func cannotHold(_ id: String) -> Bool { IdentifierCheck.breaksLines(id) }
}
