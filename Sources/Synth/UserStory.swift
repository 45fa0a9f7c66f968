import Glibc

/// One user's life in a world, from which the events follow.
struct UserStory {
  private let world: World
  private let habits: WorldHabits
  private var random: KeyedRandom
  private let style: UInt8
  private let sceneWeights: [Double]
  private var favorites: [Int]
  /// The topic of the hour.
  private var topic: Int
  /// The last item met in each scene; -1 before the first.
  private var lastItems: [Int32]
  /// The items met last, which are not met again for a while.
  private var recent = [Int32](repeating: -1, count: 24)
  private var time: Double
  private var remaining: Int

  init(_ world: World, user: Int) {
    self.world = world
    habits = world.habits
    random = KeyedRandom(seed: world.options.seed, .user, user)
    style = UInt8(random.below(habits.styles))
    sceneWeights = Self.sceneWeights(world.scenes.count, habits, &random)
    favorites = Self.favorites(world.topics, &random)
    topic = favorites[0]
    lastItems = [Int32](repeating: -1, count: world.scenes.count)
    time = Double(World.start) + random.unit() * 0.6 * Double(world.duration)
    // Lognormal with the wanted mean; few users have much, many have little.
    let sigma = 0.6
    let count = world.options.meanEvents * exp(sigma * random.normal() - sigma * sigma / 2)
    remaining = Int(min(max(count.rounded(), 5), 20 * world.options.meanEvents))
  }

  /// Tells the whole story, event by event in order of time.
  mutating func tell(_ body: (WorldEvent) throws -> Void) rethrows {
    while remaining > 0 {
      let scene = drawScene()
      drift()
      repeat {
        try body(event(in: scene))
        remaining -= 1
        time += 20 + 60 * random.exponential()
      } while remaining > 0 && !random.chance(1 / habits.sessionLength)
      rest()
    }
  }

  private mutating func event(in scene: UInt8) -> WorldEvent {
    let last = lastItems[Int(scene)]
    let successor = last < 0 ? nil : successor(of: last, in: scene)
    let item = successor ?? newItem(in: scene) ?? wanderingItem(in: scene)
    lastItems[Int(scene)] = item
    recent[remaining % recent.count] = item
    let behavior = behavior(on: world.items[Int(item)], isSuccessor: successor != nil)
    return WorldEvent(item: item, scene: scene, behavior: behavior, time: Int(time))
  }

  /// What the series has next, when the user goes on with it and it is there.
  private mutating func successor(of last: Int32, in scene: UInt8) -> Int32? {
    let choice = random.unit()
    guard choice < habits.nextPart + habits.partAfter else { return nil }
    var next = world.items[Int(last)].next
    if choice >= habits.nextPart { next = world.items[Int(next)].next }
    return isMet(next, in: scene) ? next : nil
  }

  /// Now and then something that has just appeared, of the user's topics, rather in their style.
  private mutating func newItem(in scene: UInt8) -> Int32? {
    guard habits.news > 0, random.chance(habits.news) else { return nil }
    for _ in 0..<40 {
      let since = time - habits.newsDays * 86_400
      guard let item = world.releases.draw(scene: Int(scene), after: since, until: time, &random) else { return nil }
      let found = world.items[Int(item)]
      let isWanted = favorites.contains(Int(found.topic)) || random.chance(0.05)
      if isMet(item, in: scene) && isWanted && (found.style == style || random.chance(habits.otherStyle)) { return item }
    }
    return nil
  }

  /// Something popular of the topic of the hour, rather in the user's style; now and then of any topic.
  private mutating func wanderingItem(in scene: UInt8) -> Int32 {
    let topic = random.chance(habits.lookAround) ? random.below(world.topics) : topic
    for attempt in 0..<16 {
      // Where a small topic is used up, its neighbors follow.
      let item = world.pools.draw(topic: (topic + attempt / 6) % world.topics, scene: Int(scene), &random)
      let isLiked = world.items[Int(item)].style == style
      if isMet(item, in: scene) && (isLiked || random.chance(habits.otherStyle)) { return item }
    }
    return world.pools.mostPopular(topic: topic, scene: Int(scene))
  }

  private func isMet(_ item: Int32, in scene: UInt8) -> Bool {
    let found = world.items[Int(item)]
    return Double(found.release) <= time && found.isIn(scene) && !recent.contains(item)
  }

  /// Each rarer behavior needs the one before and a good match.
  private mutating func behavior(on item: WorldItem, isSuccessor: Bool) -> UInt8 {
    let isFavorite = favorites.contains(Int(item.topic))
    let match = (item.style == style ? 0.45 : 0) + (isFavorite ? 0.35 : 0) + (isSuccessor ? 0.2 : 0)
    var behavior: UInt8 = 0
    var chance = (habits.behaviorFloor + habits.behaviorGain * match * match) * habits.charmFactor(isCharming: item.isCharming)
    while Int(behavior) + 1 < world.behaviors.count && random.chance(chance) {
      behavior += 1
      chance = 0.05 + 0.3 * match * match
    }
    return behavior
  }

  /// A session's topic: a favorite, the last one still, or the next along the chain.
  private mutating func drift() {
    let choice = random.unit()
    if choice < 0.5 {
      let rank = random.unit()
      topic = favorites[rank < 0.6 ? 0 : rank < 0.9 ? 1 : 2]
    } else if choice < 0.7 {
      topic = (topic + 1) % world.topics
    }
    // Interests follow what was looked at, slowly.
    if random.chance(0.05) { favorites[random.below(3)] = topic }
  }

  /// The time to the next session, so that the events left spread over the time left.
  private mutating func rest() {
    let timeLeft = Double(World.start + world.duration) - time
    let sessionsLeft = Double(remaining) / habits.sessionLength + 1
    time += min(max(timeLeft, 0) / sessionsLeft * random.exponential(), 0.9 * max(timeLeft, 0)) + 600
  }

  private mutating func drawScene() -> UInt8 {
    var rest = random.unit() * sceneWeights.reduce(0, +)
    for (scene, weight) in sceneWeights.enumerated() {
      rest -= weight
      if rest < 0 { return UInt8(scene) }
    }
    return 0
  }

  /// Scenes differ in density, and not everyone goes everywhere.
  private static func sceneWeights(_ count: Int, _ habits: WorldHabits, _ random: inout KeyedRandom) -> [Double] {
    let weights = (0..<count).map { scene -> Double in
      let isVisited = random.chance(habits.sceneVisited)
      let liking = 0.3 + 1.4 * random.unit()
      return isVisited ? liking / pow(Double(scene + 1), Double(habits.sceneFalloff)) : 0
    }
    return weights.contains { $0 > 0 } ? weights : (0..<count).map { $0 == 0 ? 1 : 0 }
  }

  /// Three topics, low numbers more often, so that topics differ in popularity.
  private static func favorites(_ topics: Int, _ random: inout KeyedRandom) -> [Int] {
    (0..<3).map { _ in
      let draw = random.unit()
      return min(Int(draw.squareRoot() * draw * Double(topics)), topics - 1)
    }
  }
}

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
