import Testing

@testable import Synth

/// The promises of a made-up world, on the default one unless said otherwise.
struct WorldTests {
  private static let world = World(WorldOptions())
  private static let stories = (0..<world.options.users).map { world.story(of: $0) }

  private var events: [WorldEvent] { Self.stories.flatMap { $0 } }

  @Test func storiesAreAFunctionOfTheSeed() {
    var options = WorldOptions()
    let again = World(options)
    #expect(again.items == Self.world.items)
    #expect(again.story(of: 1999) == Self.stories[1999])
    options.users = 1
    #expect(World(options).story(of: 0) == Self.stories[0])
    options.seed = 2
    #expect(World(options).story(of: 0) != Self.stories[0])
    #expect(World(options).items != Self.world.items)
  }

  @Test func storiesRunForwardInTime() {
    for story in Self.stories {
      #expect(story.count >= 5)
      #expect(zip(story, story.dropFirst()).allSatisfy { $0.time < $1.time })
    }
    let mean = Double(events.count) / 2000
    #expect(abs(mean - 60) < 4)
  }

  @Test func lateItemsHaveNoEarlyEvents() {
    let late = Self.world.lateItems
    #expect((150...250).contains(late))
    var metLate = Set<Int32>()
    for event in events {
      let release = Self.world.release(of: Int(event.item))
      #expect(event.time >= release)
      if release > World.start { metLate.insert(event.item) }
    }
    #expect(metLate.count > late / 2)
  }

  @Test func eventsHappenWhereTheItemIs() {
    let strays = events.filter { !Self.world.items[Int($0.item)].isIn($0.scene) }
    #expect(strays.isEmpty)
    #expect((20...90).contains(Self.world.itemsInTwoScenes))
  }

  @Test func popularityIsSkewed() {
    var counts = [Int](repeating: 0, count: 1000)
    for event in events { counts[Int(event.item)] += 1 }
    counts.sort(by: >)
    let head = counts.prefix(200).reduce(0, +)
    #expect(Double(head) / Double(events.count) > 0.4)
    #expect(counts[0] > 5 * counts[500])
  }

  @Test func scenesAndBehaviorsDifferInDensity() {
    for key in [\WorldEvent.scene, \WorldEvent.behavior] {
      let counts = (0..<3).map { number in events.count { $0[keyPath: key] == number } }
      #expect(2 * counts[0] > 3 * counts[1])
      #expect(2 * counts[1] > 3 * counts[2])
      #expect(counts[2] > 1000)
    }
    let users = (0..<3).map { scene in Self.stories.count { story in story.contains { $0.scene == scene } } }
    #expect(users.allSatisfy { (200..<2000).contains($0) })
  }

  @Test func rarerBehaviorsMatchBetter() {
    // A user's style is the commonest of the items they met; no count of behaviors is used to find it.
    var matching = [0, 0, 0]
    var all = [0, 0, 0]
    for story in Self.stories {
      var styles = [0, 0, 0, 0]
      for event in story { styles[Int(Self.world.items[Int(event.item)].style)] += 1 }
      let style = styles.indices.max { styles[$0] < styles[$1] }
      for event in story {
        all[Int(event.behavior)] += 1
        if Int(Self.world.items[Int(event.item)].style) == style { matching[Int(event.behavior)] += 1 }
      }
    }
    let shares = zip(matching, all).map { Double($0) / Double($1) }
    #expect(shares[1] > shares[0] + 0.1, "\(shares)")
    #expect(shares[2] > shares[1], "\(shares)")
  }

  @Test func theLastItemTellsTheNext() {
    // Hit rate at 10 of each user's last event: popularity, items met together with any earlier one, and first-order counts.
    var popularity = [Int](repeating: 0, count: 1000)
    var together = [[Int]](repeating: [Int](repeating: 0, count: 1000), count: 1000)
    var following = together
    for story in Self.stories {
      let items = story.dropLast().map { Int($0.item) }
      for (index, item) in items.enumerated() {
        popularity[item] += 1
        if index > 0 { following[items[index - 1]][item] += 1 }
        for other in Set(items.prefix(60)) { together[other][item] += 1 }
      }
    }
    func top(_ scores: [Int]) -> Set<Int> { Set(scores.indices.sorted { scores[$0] > scores[$1] }.prefix(10)) }
    let popular = top(popularity)
    var hits = [0, 0, 0]
    for story in Self.stories {
      let items = story.map { Int($0.item) }
      let target = items[items.count - 1]
      let bag = Set(items.dropLast().suffix(60)).map { together[$0] }
      let sums = (0..<1000).map { item in bag.reduce(0) { $0 + $1[item] } }
      hits[0] += popular.contains(target) ? 1 : 0
      hits[1] += top(sums).contains(target) ? 1 : 0
      hits[2] += top(following[items[items.count - 2]]).contains(target) ? 1 : 0
    }
    #expect(hits[2] > 3 * hits[1], "popularity, bag, last item: \(hits) of 2000")
    #expect(hits[2] > 5 * hits[0], "popularity, bag, last item: \(hits) of 2000")
    #expect(hits[2] > 700)
  }

  @Test(arguments: [(1, 10, 1, 1), (3, 640, 64, 8), (50, 40, 4, 2), (5, 10_000, 2, 4)])
  func oddSizesWork(users: Int, items: Int, scenes: Int, behaviors: Int) {
    var options = WorldOptions()
    (options.users, options.items, options.scenes, options.behaviors) = (users, items, scenes, behaviors)
    #expect(options.fault == nil)
    let world = World(options)
    let events = (0..<users).flatMap { world.story(of: $0) }
    #expect(events.allSatisfy { (0..<items).contains(Int($0.item)) && $0.scene < scenes && $0.behavior < behaviors })
    #expect(Set(world.scenes).count == scenes)
    #expect(Set(world.behaviors).count == behaviors)
  }

  @Test func faultsAreNamed() {
    for (key, value, name) in [
      (\WorldOptions.users, 0, "--users"), (\.items, 29, "--items"), (\.scenes, 65, "--scenes"), (\.behaviors, 0, "--behaviors"),
      (\.days, 0, "--days"),
    ] as [(WritableKeyPath<WorldOptions, Int>, Int, String)] {
      var options = WorldOptions()
      options[keyPath: key] = value
      #expect(options.fault?.hasPrefix(name) == true)
    }
    var options = WorldOptions()
    options.meanEvents = .nan
    #expect(options.fault != nil)
  }
}
