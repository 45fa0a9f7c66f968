import Datasets

/// Makes a title out of whatever stands in a file: valid UTF-8, white space folded to single spaces, no control characters.
enum TextCleaner {
  private static let named = [
    "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "reg": "®", "trade": "™", "eacute": "é",
  ]

  /// The cleaned text; `unescapesHTML` turns `&amp;` and its like into characters (web shops' files are full of them).
  ///
  /// Bytes that are no UTF-8 become U+FFFD, and so does half a surrogate pair.
  static func clean(_ bytes: UnsafeRawBufferPointer, unescapesHTML: Bool) -> String {
    let text = String(validating: bytes, as: UTF8.self) ?? repaired(bytes)
    return folded(unescapesHTML && text.utf8.contains(0x26) ? unescaped(text) : text)
  }

  /// A row's text and features, each cleaned by itself: U+001F between features is the only one that a text of a data set can hold.
  static func itemText(_ row: Row, unescapesHTML: Bool) -> ItemText {
    let features = row[.features].split(separator: ItemText.separator).map {
      clean(UnsafeRawBufferPointer(rebasing: $0), unescapesHTML: false)
    }
    return ItemText(words: clean(row[.text], unescapesHTML: unescapesHTML), features: features)
  }

  /// Whether the text loses nothing when it is cleaned.
  static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  private static func repaired(_ bytes: UnsafeRawBufferPointer) -> String {
    guard IdentifierCheck.hasSurrogate(bytes) else { return String(decoding: bytes, as: UTF8.self) }
    var whole = Array(bytes)
    for index in whole.indices.dropLast(2) where whole[index] == 0xED && whole[index + 1] >= 0xA0 {
      whole.replaceSubrange(index..<index + 3, with: [0xEF, 0xBF, 0xBD])
    }
    return String(decoding: whole, as: UTF8.self)
  }

  private static func folded(_ text: String) -> String {
    var result = ""
    var isGap = false
    for scalar in text.unicodeScalars {
      if scalar.properties.isWhitespace || scalar.properties.generalCategory == .control {
        isGap = true
      } else {
        if isGap && !result.isEmpty { result += " " }
        isGap = false
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func unescaped(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let ampersand = rest.firstIndex(of: "&") {
      result += rest[..<ampersand]
      rest = rest[ampersand...]
      guard let end = rest.prefix(12).firstIndex(of: ";"), let character = entity(rest[rest.index(after: ampersand)..<end]) else {
        result.append("&")
        rest = rest.dropFirst()
        continue
      }
      result += character
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  private static func entity(_ name: Substring) -> String? {
    guard name.hasPrefix("#") else { return named[String(name)] }
    let digits = name.dropFirst()
    let code = digits.hasPrefix("x") || digits.hasPrefix("X") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
    return code.flatMap(Unicode.Scalar.init).map { String(Character($0)) }
  }
}
