/// What ranks tell each other in a step besides its numbers: true for the job when it is true for a rank.
public struct StepNotes: Sendable, Equatable {
  /// A checkpoint is due, by the clock.
  public var wantsCheckpoint = false
  /// A signal asks to stop.
  public var wantsStop = false
  /// Files of the checkpoint under way are not written yet.
  public var isBehind = false

  /// Nothing to tell.
  public init() {}
}
