/// The titles of a world's items: the series' word, words of the topic, a word of the style and the part's number.
struct Titles {
  private let world: World
  private let vocabulary: Vocabulary
  private let seriesStart: Int

  private static let topicWords = 6
  private static let styleWords = 3

  init(_ world: World) {
    self.world = world
    seriesStart = World.styles * Self.styleWords + world.topics * Self.topicWords
    // A series ends with its pool, so there may be one short series a pool.
    let series = world.options.items / World.seriesLength + world.topics * world.options.scenes
    vocabulary = Vocabulary(seed: world.options.seed, count: seriesStart + series)
  }

  func title(_ index: Int) -> String {
    let item = world.items[index]
    var random = KeyedRandom(seed: world.options.seed, .vocabulary, index + 1)
    let series = vocabulary.word(seriesStart + Int(item.series))
    let style = vocabulary.word(Int(item.style) * Self.styleWords + random.below(Self.styleWords))
    let topicStart = World.styles * Self.styleWords + Int(item.topic) * Self.topicWords
    let first = random.below(Self.topicWords)
    let second = (first + 1 + random.below(Self.topicWords - 1)) % Self.topicWords
    let topic = "\(vocabulary.word(topicStart + first)) \(vocabulary.word(topicStart + second))"
    let part = item.part == 1 ? "" : " \(item.part)"
    // Commas and quotation marks as catalogues have them, which readers must stand.
    switch random.below(10) {
    case 0..<6: return "\(style) \(series)\(part) \(topic)"
    case 6..<9: return "\(series)\(part), \(topic), \(style) edition"
    default: return "\(series)\(part) \"\(style)\" \(topic)"
    }
  }
}
