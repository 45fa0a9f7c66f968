/// What was written of a made-up world.
public struct WorldSummary: Sendable, Equatable {
  /// Events over all users.
  public var events = 0
  /// Events of each scene.
  public var eventsByScene: [Int]
  /// Events of each behaviour.
  public var eventsByBehavior: [Int]
  /// Unix seconds of the first event.
  public var firstTime = Int.max
  /// Unix seconds of the last event.
  public var lastTime = Int.min
  /// Bytes of both files before compression.
  public var bytes = 0

  init(_ world: World) {
    eventsByScene = [Int](repeating: 0, count: world.scenes.count)
    eventsByBehavior = [Int](repeating: 0, count: world.behaviors.count)
  }

  mutating func count(_ event: WorldEvent) {
    events += 1
    eventsByScene[Int(event.scene)] += 1
    eventsByBehavior[Int(event.behavior)] += 1
    firstTime = min(firstTime, event.time)
    lastTime = max(lastTime, event.time)
  }
}
