/// An id or a name from outside: equal to another when its bytes are, and only then.
///
/// `String` also calls texts equal that Unicode calls canonically equivalent, such as é as one code point and as two; two products
/// would become one. So whoever compares, hashes or looks up ids does it through this type.
package struct Identifier: Hashable, Sendable, CustomStringConvertible {
  /// The id as a text with exactly these bytes.
  package let text: String

  /// Wraps a text.
  package init(_ text: String) { self.text = text }

  /// The text.
  package var description: String { text }

  /// Whether the bytes are the same.
  package static func == (left: Identifier, right: Identifier) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  /// Hashes the bytes.
  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension Collection<String> {
  /// The index of the first text with the same bytes.
  package func firstIndex(ofIdentifier id: String) -> Index? { firstIndex { Identifier($0) == Identifier(id) } }
}
