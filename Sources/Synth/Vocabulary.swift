/// Pronounceable words, each index its own word.
///
/// An index is spread over all numbers of a few base-85 digits by a multiplication that has an inverse, and each digit is a
/// syllable; so words never repeat and neighbours do not look alike.
struct Vocabulary {
  private static let onsets = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "ch", "sh", "tr"]
  private static let vowels = ["a", "e", "i", "o", "u"]

  private let syllables: Int
  private let space: Int
  private let shift: Int

  /// A vocabulary of at least `count` words.
  init(seed: UInt64, count: Int) {
    var syllables = 2
    var space = 85 * 85
    while space < 4 * count {
      syllables += 1
      space *= 85
    }
    self.syllables = syllables
    self.space = space
    var random = KeyedRandom(seed: seed, .vocabulary, 0)
    shift = random.below(space)
  }

  /// The word of an index, with a capital.
  func word(_ index: Int) -> String {
    // 2^31 - 1 is a prime and so has no factor in common with any power of 85.
    var digits = (index * 2_147_483_647 + shift) % space
    var word = ""
    for _ in 0..<syllables {
      word += Self.onsets[digits % 17] + Self.vowels[digits / 17 % 5]
      digits /= 85
    }
    return word.prefix(1).uppercased() + word.dropFirst()
  }
}
