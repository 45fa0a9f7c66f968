/// An item's text as a data set stores it: words, and behind them features, which are fields of the item's row such as `category=Shoes`.
///
/// Ours. In `items.safetensors` a U+001F, ASCII's unit separator, stands before each feature. Texts of input files never hold one, because
/// control characters are taken out of them, so texts of earlier versions are words alone. People are shown ``readable``.
package struct ItemText: Sendable, Equatable {
  /// What stands before each feature.
  package static let separator: UInt8 = 0x1F
  /// What stands between the parts for people, and between fields that were joined into the words.
  package static let joint = " | "

  /// The words; may be empty.
  package let words: String
  /// The features, `name=value` each, in the order of the columns.
  package let features: [String]

  /// Takes a text as it is stored.
  package init(stored: String) {
    let parts = stored.utf8.split(separator: Self.separator, omittingEmptySubsequences: false).map { String(Substring($0)) }
    words = parts.first ?? ""
    features = parts.dropFirst().filter { !$0.isEmpty }
  }

  /// Puts words and features together; empty features are none.
  package init(words: String, features: [String]) {
    self.words = words
    self.features = features.filter { !$0.isEmpty }
  }

  /// The text as a data set stores it.
  package var stored: String {
    guard !features.isEmpty else { return words }
    let separator = String(Unicode.Scalar(Self.separator))
    return words + features.map { separator + $0 }.joined()
  }

  /// The text for people: the parts with ` | ` between them.
  package var readable: String { ((words.isEmpty ? [] : [words]) + features).joined(separator: Self.joint) }
}
