/// A made-up world of items, and the story of every user in it.
///
/// Ours. Items belong to a topic, a scene (a few to two) and a series of about five parts with a style; a
/// title names them all. Users have a few favorite topics that drift along the chain of topics, a favorite
/// style, and come in sessions, each in one scene. What comes next depends on what came last: mostly the
/// series' next part, else something popular of the topic of the hour. Rarer behaviors happen on
/// better-matching items. Some items appear late and have no event before.
///
/// In a growing world (``WorldKind/growing``) almost half of the series go on appearing until the last day, a series is popular
/// as a whole and its title says more of who will like it: users look at what is new by topic and style, and rarer behaviors happen on
/// series that are made to be liked.
package struct World: Sendable {
  /// The numbers it was made from.
  package let options: WorldOptions
  /// Names of the scenes, the busiest first.
  package let scenes: [String]
  /// Names of the behaviors, the commonest first.
  package let behaviors: [String]
  /// Number of topics.
  package let topics: Int

  /// Unix seconds of the first possible event: 2023-11-14 22:13:20 UTC, for no reason but roundness.
  static let start = 1_700_000_000
  static let seriesLength = 5

  let items: [WorldItem]
  let pools: ItemPools
  let releases: Releases
  let habits: WorldHabits

  /// Makes the items; `options` must be free of ``WorldOptions/fault``.
  package init(_ options: WorldOptions) {
    precondition(options.fault == nil, options.fault ?? "")
    self.options = options
    habits = options.habits
    scenes = Self.names(["feed", "video", "shop"], options.scenes, "scene")
    behaviors = Self.names(["view", "like", "share", "buy"], options.behaviors, "behavior")
    let topics = min(max(options.items / 80, 4), 256)
    self.topics = topics
    var items = (0..<options.items).map { Self.item($0, topics, options) }
    Self.linkSeries(&items, topics, options)
    if options.kind == .growing { Self.growSeries(&items, options) }
    let members = Self.members(items, topics, options)
    // The most popular of a pool is there from the start, so that a story always finds something.
    for pool in members { if let first = pool.first { items[Int(first)].release = Self.start } }
    self.items = items
    pools = ItemPools(topics: topics, scenes: options.scenes, members: members, exponent: habits.popularityExponent)
    releases = Releases(items, scenes: options.scenes)
  }

  /// Seconds from the first possible event to about the last.
  var duration: Int { options.days * 86_400 }

  /// Number of items that appear after the start.
  package var lateItems: Int { items.count { $0.release > Self.start } }

  /// Number of items that stand in two scenes.
  package var itemsInTwoScenes: Int { items.count { $0.secondScene != nil } }

  private static func names(_ known: [String], _ count: Int, _ kind: String) -> [String] {
    (0..<count).map { $0 < known.count ? known[$0] : "\(kind)_\($0 + 1)" }
  }

  private static func item(_ index: Int, _ topics: Int, _ options: WorldOptions) -> WorldItem {
    var random = KeyedRandom(seed: options.seed, .item, index)
    let topic = random.below(topics)
    // Every scene has an item, and the busy scenes more than the quiet ones.
    let scene = index < options.scenes ? index : min(random.below(options.scenes), random.below(options.scenes))
    var item = WorldItem(topic: UInt16(topic), scene: UInt8(scene))
    if options.scenes > 1 && random.chance(options.habits.twoScenes) {
      item.secondScene = UInt8((scene + 1 + random.below(options.scenes - 1)) % options.scenes)
    }
    let lateness = random.unit()
    let moment = random.unit()
    if options.kind == .steady && index >= options.scenes && lateness < options.habits.lateShare {
      item.release = start + Int((0.1 + 0.85 * moment) * Double(options.days * 86_400))
    }
    return item
  }

  /// The items of each pool in an order of popularity that has nothing to do with their numbers.
  private static func members(_ items: [WorldItem], _ topics: Int, _ options: WorldOptions) -> [[Int32]] {
    var members = [[(UInt64, Int32)]](repeating: [], count: topics * options.scenes)
    for (index, item) in items.enumerated() {
      var random = KeyedRandom(seed: options.seed, .popularity, index)
      let own = random.next()
      let entry = (options.habits.isPopularBySeries ? SeriesFate(item.series, options).popularity : own, Int32(index))
      members[Int(item.scene) * topics + Int(item.topic)].append(entry)
      if let second = item.secondScene { members[Int(second) * topics + Int(item.topic)].append(entry) }
    }
    return members.map { $0.sorted { $0 < $1 }.map(\.1) }
  }

  /// Gives each item of a growing world its series' charm and title, and the time at which its part appears.
  private static func growSeries(_ items: inout [WorldItem], _ options: WorldOptions) {
    for index in items.indices {
      let fate = SeriesFate(items[index].series, options)
      var random = KeyedRandom(seed: options.seed, .release, index)
      (items[index].isCharming, items[index].isPlain) = (fate.isCharming, fate.isPlain)
      items[index].release = fate.release(ofPart: Int(items[index].part), jitter: random.unit(), options: options)
    }
  }

  /// Cuts each pool of home items into series, numbers the parts and links each item to the next.
  private static func linkSeries(_ items: inout [WorldItem], _ topics: Int, _ options: WorldOptions) {
    var pools = [[Int32]](repeating: [], count: topics * options.scenes)
    for (index, item) in items.enumerated() { pools[Int(item.scene) * topics + Int(item.topic)].append(Int32(index)) }
    var series: Int32 = 0
    for pool in pools {
      for (position, index) in pool.enumerated() {
        if position % seriesLength == 0 { series += 1 }
        items[Int(index)].series = series - 1
        items[Int(index)].part = UInt8(position % seriesLength + 1)
        items[Int(index)].style = UInt8((series - 1) % Int32(options.habits.styles))
        items[Int(index)].next = pool[(position + 1) % pool.count]
      }
    }
  }
}

extension World {
  /// Hands over the events of one user in order of time; each user's depend on nobody else's.
  func tellStory(of user: Int, _ body: (WorldEvent) throws -> Void) rethrows {
    var story = UserStory(self, user: user)
    try story.tell(body)
  }

  /// The events of one user in order of time.
  func story(of user: Int) -> [WorldEvent] {
    var events: [WorldEvent] = []
    tellStory(of: user) { events.append($0) }
    return events
  }

  /// Unix seconds before which an item has no event.
  package func release(of item: Int) -> Int { items[item].release }
}

/// An item of a made-up world.
struct WorldItem: Sendable, Equatable {
  let topic: UInt16
  /// The scene it is at home in.
  let scene: UInt8
  /// Another scene that has it too.
  var secondScene: UInt8?
  /// Its series, over the whole world, and its place in it from 1.
  var series: Int32 = 0
  var part: UInt8 = 1
  /// The series' style, which users like or not.
  var style: UInt8 = 0
  /// Whether its series is made to be liked; only growing worlds tell.
  var isCharming = true
  /// Whether its title names neither its series nor its part; only in growing worlds.
  var isPlain = false
  /// What mostly follows it: the next part, after the last one the next series' first.
  var next: Int32 = 0
  /// Unix seconds from which it can be met.
  var release = World.start

  init(topic: UInt16, scene: UInt8) {
    self.topic = topic
    self.scene = scene
  }

  func isIn(_ scene: UInt8) -> Bool { self.scene == scene || secondScene == scene }
}

/// An event of a made-up user.
struct WorldEvent: Sendable, Equatable {
  /// The item's number.
  package let item: Int32
  /// The scene's number.
  package let scene: UInt8
  /// The behavior's number; higher is rarer.
  package let behavior: UInt8
  /// Unix seconds.
  package let time: Int
}
