/// What befalls a series of a growing world: how popular it is, whether it is made to be liked, what its titles say, and when its parts appear.
///
/// Ours. A function of (seed, series). Of the series that go on appearing a sixth are new altogether, a sixth have their first part
/// from the start, the others their first two; the further parts appear one after the other until the last day.
struct SeriesFate {
  /// Lower is more popular.
  let popularity: UInt64
  /// Whether the rarer behaviors like it.
  let isCharming: Bool
  /// Whether its titles name neither the series nor the part.
  let isPlain: Bool
  /// Parts that are there when the others begin to appear; all of them when nothing is late.
  private let partsThere: Int
  private let isNew: Bool
  /// The share of the world's days after which the series goes on.
  private let beginning: Double

  init(_ series: Int32, _ options: WorldOptions) {
    let habits = options.habits
    var random = KeyedRandom(seed: options.seed, .series, Int(series))
    popularity = random.next()
    let lateness = random.unit() / habits.lateShare
    beginning = 0.3 + 0.7 * random.unit()
    isCharming = random.chance(habits.charmingShare ?? 1)
    isPlain = random.chance(habits.plainShare)
    isNew = lateness < 1.0 / 6
    partsThere = lateness < 1.0 / 3 ? 1 : lateness < 1 ? 2 : World.seriesLength
  }

  /// Unix seconds from which a part can be met; `jitter` in [0, 1) is the part's own.
  func release(ofPart part: Int, jitter: Double, options: WorldOptions) -> Int {
    guard part > partsThere || isNew else { return World.start }
    let gap = (1 - beginning) / Double(max(World.seriesLength - partsThere, 1))
    let moment = part > partsThere ? beginning + gap * (Double(part - partsThere - 1) + 0.9 * jitter) : 0.95 * beginning
    return World.start + Int(moment * Double(options.days * 86_400))
  }
}
