import Foundation

/// The lower-cased words of a text, as Unicode scalars.
///
/// Ours. A word is a run of letters, digits and the marks that belong to them; an ideograph is a word of
/// its own, because Chinese and Japanese write none between spaces; an apostrophe inside a word is left
/// out, so that "children's" stands beside "children". Compatibility forms (full-width letters, ligatures) and
/// composed or decomposed accents are the same word.
struct WordSplitter {
  /// The scalars of all words, one word after the other.
  private(set) var scalars: [UInt32] = []
  /// Where each word lies in `scalars`.
  private(set) var words: [Range<Int>] = []
  private var wordStart = 0
  private let limit: Int

  /// Splits a text, stopping after `limit` words.
  init(_ text: String, limit: Int) {
    self.limit = limit
    let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
    for scalar in (isASCII ? text : text.precomposedStringWithCompatibilityMapping).unicodeScalars {
      guard words.count < limit else { return }
      take(scalar)
    }
    endWord()
  }

  private mutating func take(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "a"..."z", "0"..."9": scalars.append(scalar.value)
    case "A"..."Z": scalars.append(scalar.value | 0x20)
    case "'", "’": break
    case "\u{0}"..."\u{7F}": endWord()
    default: takeBeyondASCII(scalar)
    }
  }

  private mutating func takeBeyondASCII(_ scalar: Unicode.Scalar) {
    let properties = scalar.properties
    if properties.isIdeographic {
      endWord()
      guard words.count < limit else { return }
      scalars.append(scalar.value)
      endWord()
    } else if properties.isAlphabetic || properties.numericType != nil || properties.generalCategory.isMark {
      scalars.append(contentsOf: properties.lowercaseMapping.unicodeScalars.lazy.map(\.value))
    } else {
      endWord()
    }
  }

  private mutating func endWord() {
    guard scalars.count > wordStart else { return }
    words.append(wordStart..<scalars.count)
    wordStart = scalars.count
  }
}

extension Unicode.GeneralCategory {
  fileprivate var isMark: Bool { self == .nonspacingMark || self == .spacingMark || self == .enclosingMark }
}

/// The distinct words of a text in the order in which they first stand there, lower-cased; numbers are left out.
///
/// Ours. Words are those of the hashed encoder, for what is said to people about texts.
///
/// - Parameter limit: how many words of the text are read.
package func distinctWords(_ text: String, limit: Int) -> [String] {
  let splitter = WordSplitter(text, limit: limit)
  var found: [String] = []
  for index in splitter.words {
    let word = splitter.scalars[index]
    guard !word.allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
    let letters = String(String.UnicodeScalarView(word.compactMap(Unicode.Scalar.init)))
    if !found.contains(letters) { found.append(letters) }
  }
  return found
}
