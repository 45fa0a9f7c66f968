import Testing

@testable import Synth

/// The promises of a growing world, measured by counting alone: late items, a long tail, titles and charms that tell something.
struct GrowingWorldTests {
  private static let options = {
    var options = WorldOptions()
    (options.users, options.items, options.meanEvents, options.kind) = (10_000, 8000, 13, .growing)
    return options
  }()
  private static let world = World(options)
  private static let stories = (0..<options.users).map { world.story(of: $0) }
  /// The demo's cut, 2024-04-25.
  private static let cut = 1_714_003_200

  /// What stands for training and for test when events are cut in time, as `prepare --split time:2024-04-25` does.
  private static let (training, tests) = {
    var (training, tests) = ([WorldEvent](), [(last: WorldEvent, test: WorldEvent)]())
    for story in stories {
      let before = story.prefix { $0.time < cut }
      training += before.dropLast()
      if let last = before.last, before.count < story.count { tests.append((last, story[before.count])) }
    }
    return (training, tests)
  }()
  private static let trainCounts = {
    var counts = [Int](repeating: 0, count: options.items)
    for event in training { counts[Int(event.item)] += 1 }
    return counts
  }()

  @Test func isAFunctionOfTheSeed() {
    #expect(World(Self.options).items == Self.world.items && World(Self.options).story(of: 4321) == Self.stories[4321])
    var other = Self.options
    other.seed = 2
    #expect(World(other).items != Self.world.items && World(other).story(of: 4321) != Self.stories[4321])
    var steady = Self.options
    steady.kind = .steady
    #expect(World(steady).story(of: 0) != Self.stories[0])
  }

  @Test func storiesRunForwardAndMeetWhatIsThere() {
    for story in Self.stories {
      #expect(zip(story, story.dropFirst()).allSatisfy { $0.time < $1.time })
      #expect(story.allSatisfy { $0.time >= Self.world.release(of: Int($0.item)) })
    }
    let events = Self.stories.reduce(0) { $0 + $1.count }
    #expect(abs(Double(events) / 10_000 - 13) < 2)
    #expect((2000...2900).contains(Self.world.lateItems) && (2100...2700).contains(Self.world.itemsInTwoScenes))
  }

  @Test func someTestEventsAreOnItemsThatNobodyHadMet() {
    let unseen = Self.tests.count { Self.trainCounts[Int($0.test.item)] == 0 }
    #expect(Self.tests.count > 3000)
    let share = Double(unseen) / Double(Self.tests.count)
    #expect((0.07...0.2).contains(share), "\(unseen) of \(Self.tests.count)")
  }

  @Test func theTailIsLong() {
    let counts = Self.trainCounts.sorted(by: >)
    let events = Double(counts.reduce(0, +))
    let (head, tail) = (counts.prefix(1600).reduce(0, +), counts.suffix(4000).reduce(0, +))
    #expect(Double(head) / events > 0.5 && Double(tail) / events < 0.2, "\(head), \(tail) of \(events)")
    #expect(counts.count { $0 <= 5 } > 2000 && counts[4000] < 12)
    // And yet users meet it: three in ten test events.
    let order = Self.trainCounts.indices.sorted { Self.trainCounts[$0] > Self.trainCounts[$1] }
    let rare = Set(order.suffix(4000).map(Int32.init))
    let share = Double(Self.tests.count { rare.contains($0.test.item) }) / Double(Self.tests.count)
    #expect((0.2...0.5).contains(share), "\(share)")
  }

  @Test func titlesTellWhatComesNext() {
    // Items of which a title shares a series' word with the last item's: a handful of 8,000, and often the next.
    let items = Self.world.items
    func isNear(_ pair: (last: WorldEvent, test: WorldEvent)) -> Bool {
      items[Int(pair.last.item)].series == items[Int(pair.test.item)].series
    }
    let unseen = Self.tests.filter { Self.trainCounts[Int($0.test.item)] == 0 }
    for (pairs, floor) in [(Self.tests, 0.1), (unseen, 0.05)] {
      let share = Double(pairs.count(where: isNear)) / Double(pairs.count)
      #expect(share > floor, "\(share)")
    }
    let titles = Titles(Self.world)
    for item in items.indices.prefix(500) {
      let words = titles.title(item).split { !$0.isLetter }
      #expect(items[item].isPlain ? words.count == 4 : (5...6).contains(words.count))
    }
    let plain = Double(items.count { $0.isPlain }) / Double(items.count)
    #expect((0.2...0.3).contains(plain), "\(plain)")
  }

  @Test func scenesHaveTheirOwnItems() {
    // What a scene's commonest items are says more about its next event than what is common overall.
    func top(_ events: [WorldEvent]) -> Set<Int32> {
      var counts: [Int32: Int] = [:]
      for event in events { counts[event.item, default: 0] += 1 }
      return Set(counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(100).map(\.key))
    }
    let shop = Self.tests.filter { $0.test.scene == 2 }.map(\.test)
    let (own, all) = (top(Self.training.filter { $0.scene == 2 }), top(Self.training))
    let (ownHits, allHits) = (shop.count { own.contains($0.item) }, shop.count { all.contains($0.item) })
    // 188 and 96 of 1,137 with this seed; with seeds 2 and 3 it is 1.9 and 1.8 times as many.
    #expect(shop.count > 500 && 2 * ownHits > 3 * allHits, "\(ownHits) and \(allHits) of \(shop.count)")
  }

  @Test func likesGoToCharmingSeries() {
    var shares = [0.0, 0.0, 0.0]
    for behavior in 0..<3 {
      let events = Self.training.filter { $0.behavior == behavior }
      shares[behavior] = Double(events.count { Self.world.items[Int($0.item)].isCharming }) / Double(events.count)
    }
    #expect(shares[0] < 0.4 && shares[1] > 0.85 && shares[2] > 0.85, "\(shares)")
  }

  @Test func oddSizesWork() {
    for (users, items, scenes, days) in [(1, 10, 1, 1), (30, 640, 64, 3), (20, 40, 4, 180)] {
      var options = WorldOptions()
      (options.users, options.items, options.scenes, options.days, options.kind) = (users, items, scenes, days, .growing)
      let world = World(options)
      let events = (0..<users).flatMap { world.story(of: $0) }
      #expect(events.allSatisfy { (0..<items).contains(Int($0.item)) && world.items[Int($0.item)].isIn($0.scene) })
    }
  }
}
