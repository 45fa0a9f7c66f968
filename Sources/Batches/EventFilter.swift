public import Datasets

/// Which events belong to a phase: those of one scene and/or one behaviour, or all.
public struct EventFilter: Sendable, Equatable {
  /// The scene's number, or nil for every scene.
  public let scene: Int?
  /// The behaviour's number, or nil for every behaviour.
  public let behavior: Int?

  /// Every event.
  public static let all = EventFilter(scene: nil, behavior: nil)

  /// Events of a scene and/or a behaviour.
  public init(scene: Int?, behavior: Int?) {
    self.scene = scene
    self.behavior = behavior
  }

  /// Whether a user's event belongs.
  public func matches(_ events: UserEvents, _ index: Int) -> Bool {
    (scene.map { Int(events.scenes[index]) == $0 } ?? true) && (behavior.map { Int(events.behaviors[index]) == $0 } ?? true)
  }
}
