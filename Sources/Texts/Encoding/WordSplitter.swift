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
