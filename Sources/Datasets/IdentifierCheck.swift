/// Which ids are refused: empty ones, over 1 KiB, not UTF-8, with control characters.
///
/// Ours.
///
/// A line end or a NUL inside an id would break every list of ids that is written later.
enum IdentifierCheck {
  static let maximumBytes = 1_024

  /// What is wrong with an id, or nil.
  static func problem(_ id: UnsafeRawBufferPointer, _ what: String) -> BadRow? {
    guard !id.isEmpty else { return BadRow(kind: .emptyID, detail: "the \(what) is empty") }
    guard id.count <= maximumBytes else {
      return BadRow(kind: .longID, detail: "the \(what) \(excerpt(id)) has \(id.count) bytes")
    }
    var isPlain = true
    for byte in id where byte < 0x20 || byte >= 0x7F { isPlain = false }
    if isPlain { return nil }
    guard let text = String(validating: id, as: UTF8.self) else {
      return BadRow(kind: .encoding, detail: "the \(what) \(excerpt(id)) is not UTF-8")
    }
    for scalar in text.unicodeScalars where scalar.properties.generalCategory == .control {
      return BadRow(
        kind: .control, detail: "the \(what) \(excerpt(id)) has the control character U+\(String(scalar.value, radix: 16))")
    }
    return nil
  }
}
