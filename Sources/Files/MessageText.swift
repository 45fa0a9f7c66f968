/// A text from outside on one line that cannot steer a terminal: control characters and line separators become U+FFFD.
package func printable(_ text: String) -> String {
  let isControl = { (letter: Unicode.Scalar) in
    letter.value < 0x20 || (0x7F...0x9F).contains(letter.value) || letter.value == 0x2028 || letter.value == 0x2029
  }
  guard text.unicodeScalars.contains(where: isControl) else { return text }
  return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{FFFD}" : $0 }))
}

/// A path as one word of a command line in a message.
package func shellWord(_ path: String) -> String {
  let isPlain = path.utf8.allSatisfy { byte in
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "="): true
    default: byte >= 0x80
    }
  }
  guard !isPlain || path.isEmpty else { return path }
  var word: [UInt8] = [0x27]
  for byte in path.utf8 { word += byte == 0x27 ? Array(#"'\''"#.utf8) : [byte] }
  return String(decoding: word + [0x27], as: UTF8.self)
}

/// The start of some bytes as text for a message.
package func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
  let start = UnsafeRawBufferPointer(rebasing: bytes.prefix(40))
  let text = String(decoding: start, as: UTF8.self)
  return "\"" + printable(text) + (bytes.count > 40 ? "…" : "") + "\""
}
