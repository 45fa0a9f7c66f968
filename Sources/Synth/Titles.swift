/// The titles of a world's items: the series' word, words of the topic, a word of the style and the part's number.
///
/// Those of a growing world have a word that says whether the series is made to be liked, and some name neither series nor part.
struct Titles {
  private let world: World
  private let vocabulary: Vocabulary
  private let styles, seriesStart, charmStart: Int

  private static let topicWords = 6
  private static let styleWords = 3

  /// Words for each of the two sorts of series.
  private static let charmWords = 3

  init(_ world: World) {
    self.world = world
    styles = world.habits.styles
    seriesStart = styles * Self.styleWords + world.topics * Self.topicWords
    // A series ends with its pool, so there may be one short series a pool.
    let series = world.options.items / World.seriesLength + world.topics * world.options.scenes
    charmStart = seriesStart + series
    // Fewer words than there are take fewer syllables.
    let charms = world.habits.charmingShare == nil ? 0 : 2 * Self.charmWords
    vocabulary = Vocabulary(seed: world.options.seed, count: charmStart + charms)
  }

  func title(_ index: Int) -> String {
    let item = world.items[index]
    var random = KeyedRandom(seed: world.options.seed, .vocabulary, index + 1)
    let series = vocabulary.word(seriesStart + Int(item.series))
    let style = vocabulary.word(Int(item.style) * Self.styleWords + random.below(Self.styleWords))
    let topicStart = styles * Self.styleWords + Int(item.topic) * Self.topicWords
    let first = random.below(Self.topicWords)
    let second = (first + 1 + random.below(Self.topicWords - 1)) % Self.topicWords
    let topic = "\(vocabulary.word(topicStart + first)) \(vocabulary.word(topicStart + second))\(charm(of: item, &random))"
    if item.isPlain { return "\(style) \(topic)" }
    let part = item.part == 1 ? "" : " \(item.part)"
    // Commas and quotation marks as catalogues have them, which readers must stand.
    switch random.below(10) {
    case 0..<6: return "\(style) \(series)\(part) \(topic)"
    case 6..<9: return "\(series)\(part), \(topic), \(style) edition"
    default: return "\(series)\(part) \"\(style)\" \(topic)"
    }
  }

  /// A word that says whether the item's series is made to be liked, with a space before it; nothing where series do not differ.
  private func charm(of item: WorldItem, _ random: inout KeyedRandom) -> String {
    guard world.habits.charmingShare != nil else { return "" }
    return " " + vocabulary.word(charmStart + (item.isCharming ? Self.charmWords : 0) + random.below(Self.charmWords))
  }
}

/// Pronounceable words, each index its own word.
///
/// An index is spread over all numbers of a few base-85 digits by a multiplication that has an inverse, and each digit is a
/// syllable; so words never repeat and neighbors do not look alike.
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
