/// The size, the kind and the seed of a made-up world.
public struct WorldOptions: Sendable, Equatable {
  /// Number of users.
  public var users = 2000
  /// Number of items over all scenes.
  public var items = 1000
  /// Number of scenes.
  public var scenes = 3
  /// Number of behaviours, from the commonest to the rarest.
  public var behaviors = 3
  /// Mean number of events a user.
  public var meanEvents = 60.0
  /// Days from the first possible event to about the last.
  public var days = 180
  /// What sort of world it is.
  public var kind = WorldKind.steady
  /// Everything follows from it and the numbers above.
  public var seed: UInt64 = 1

  /// The default world.
  public init() {}

  var habits: WorldHabits { WorldHabits(kind) }

  /// The first thing wrong with the numbers as a sentence for the user, or nil.
  public var fault: String? {
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
