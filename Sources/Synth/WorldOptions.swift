/// The size, the kind and the seed of a made-up world.
package struct WorldOptions: Sendable, Equatable {
  /// Number of users.
  package var users = 2000
  /// Number of items over all scenes.
  package var items = 1000
  /// Number of scenes.
  package var scenes = 3
  /// Number of behaviors, from the commonest to the rarest.
  package var behaviors = 3
  /// Mean number of events a user.
  package var meanEvents = 60.0
  /// Days from the first possible event to about the last.
  package var days = 180
  /// What sort of world it is.
  package var kind = WorldKind.steady
  /// Everything follows from it and the numbers above.
  package var seed: UInt64 = 1

  /// The default world.
  package init() {}

  var habits: WorldHabits { WorldHabits(kind) }

  /// The first thing wrong with the numbers as a sentence for the user, or nil.
  package var fault: String? {
    let limits: [(Bool, String)] = [
      ((1...Int(Int32.max)).contains(users), "--users must be 1 to \(Int32.max), not \(users)"),
      ((1...64).contains(scenes), "--scenes must be 1 to 64, not \(scenes)"),
      ((1...8).contains(behaviors), "--behaviors must be 1 to 8, not \(behaviors)"),
      (items >= 10 * scenes, "--items must be at least 10 a scene, here \(10 * scenes), not \(items)"),
      (items <= 100_000_000, "--items must be at most 100000000, not \(items)"),
      (meanEvents >= 5 && meanEvents <= 100_000, "--events must be 5 to 100000 a user, not \(meanEvents)"),
      ((1...36_500).contains(days), "--days must be 1 to 36500, not \(days)"),
    ]
    return limits.first { !$0.0 }?.1
  }
}

/// What sort of world is made up.
package enum WorldKind: String, Sendable, CaseIterable {
  /// Most items are there from the start, sessions are long, and every item is met often: what comes next is learned from order alone.
  case steady
  /// The catalogue grows until the last day, and most items are met rarely: what a title says is worth as much as who met the item.
  case growing
}

/// The numbers that set one kind of world apart from another; all ours.
struct WorldHabits: Sendable, Equatable {
  /// Styles of series, of which a user likes one.
  var styles = 4
  /// The exponent of the popularity within a pool, `1 / (rank + 1.5)^exponent`.
  var popularityExponent = 1.0
  /// Whether a series is popular as a whole, or each item by itself.
  var isPopularBySeries = false
  /// The share of items that appear late (steady), or of series that go on appearing (growing).
  var lateShare = 0.2
  /// The share of items that stand in two scenes.
  var twoScenes = 0.05
  /// The chance that an event is on something that appeared in the last days.
  var news = 0.0
  /// For how many days an item is new.
  var newsDays = 14.0
  /// The share of series that are made to be liked, on which the rarer behaviors happen above all; nil where series do not differ.
  var charmingShare: Double?
  /// The share of series whose titles say no more than style and topic.
  var plainShare = 0.0
  /// The chances of the series' next part, of the part after it, and of looking around in any topic.
  var (nextPart, partAfter, lookAround) = (0.48, 0.07, 0.07)
  /// The chance to take an item of another style all the same.
  var otherStyle = 0.35
  /// Events of a session on average.
  var sessionLength = 6.0
  /// The chance that a user visits a scene at all, and the power of its number by which it is quieter than the first.
  var (sceneVisited, sceneFalloff) = (0.7, 2)
  /// The chance of the first rarer behavior: a floor, and what a full match adds.
  var (behaviorFloor, behaviorGain) = (0.03, 0.5)

  init(_ kind: WorldKind) {
    guard kind == .growing else { return }
    (styles, popularityExponent, isPopularBySeries) = (6, 1.1, true)
    (lateShare, news, charmingShare, twoScenes) = (0.45, 0.25, 0.3, 0.3)
    (nextPart, partAfter, lookAround, plainShare) = (0.45, 0.05, 0.1, 0.25)
    (otherStyle, sessionLength) = (0.25, 2.5)
    (sceneVisited, sceneFalloff) = (0.75, 1)
    (behaviorFloor, behaviorGain) = (0.06, 0.6)
  }

  /// What a series' charm makes of the chance of a rarer behavior.
  func charmFactor(isCharming: Bool) -> Double {
    charmingShare == nil ? 1 : isCharming ? 2 : 0.03
  }
}
