import Datasets
import Foundation

/// The tokens of an item's text for encoders that have no model: its words, and behind them its features.
///
/// Ours. A feature, a field of the item's row such as `category=Shoes`, is one token whatever it holds, with its letters' case folded as
/// words have it. Words and features never meet in one token: words hold no `=`. Features get their places first, so that a long title
/// cuts words and no feature.
struct TextTokens {
  /// The scalars of all tokens, one token after the other.
  private(set) var scalars: [UInt32]
  /// Where each token lies in `scalars`.
  private(set) var tokens: [Range<Int>]
  /// How many of the tokens, the first ones, are words.
  let wordCount: Int

  /// Takes a text as it is stored apart, up to `limit` tokens.
  init(_ text: String, limit: Int) {
    guard text.utf8.contains(ItemText.separator) else {
      let splitter = WordSplitter(text, limit: limit)
      (scalars, tokens, wordCount) = (splitter.scalars, splitter.words, splitter.words.count)
      return
    }
    let parts = ItemText(stored: text)
    let features = parts.features.prefix(limit)
    let splitter = WordSplitter(parts.words, limit: limit - features.count)
    (scalars, tokens, wordCount) = (splitter.scalars, splitter.words, splitter.words.count)
    for feature in features {
      let start = scalars.count
      for scalar in feature.precomposedStringWithCompatibilityMapping.unicodeScalars {
        scalars.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars.lazy.map(\.value))
      }
      tokens.append(start..<scalars.count)
    }
  }

  /// Whether a token is a word rather than a feature.
  func isWord(_ token: Int) -> Bool { token < wordCount }
}

/// The distinct words and features of a text in the order in which they first stand there, lower-cased; numbers are left out.
///
/// Ours. Words are those of the hashed encoder, for what is said to people about texts.
///
/// - Parameter limit: how many tokens of the text are read.
package func distinctWords(_ text: String, limit: Int) -> [String] {
  let split = TextTokens(text, limit: limit)
  var found: [String] = []
  for index in split.tokens {
    let word = split.scalars[index]
    guard !word.allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
    let letters = String(String.UnicodeScalarView(word.compactMap(Unicode.Scalar.init)))
    if !found.contains(letters) { found.append(letters) }
  }
  return found
}
