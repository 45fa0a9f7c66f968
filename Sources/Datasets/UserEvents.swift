/// One user's events in time order, and which of them are for training, validation and test.
///
/// The four buffers run side by side, one entry an event, and point into the mapped shard: they are valid while the
/// `UserShard` they came from lives.
public struct UserEvents {
  /// Item numbers, rows of the catalogue.
  public let items: UnsafeBufferPointer<Int32>
  /// Times in microseconds since 1970-01-01 UTC, never falling.
  public let times: UnsafeBufferPointer<Int64>
  /// Scene numbers, places in `Dataset.scenes`.
  public let scenes: UnsafeBufferPointer<UInt16>
  /// Behaviour numbers, places in `Dataset.behaviors`.
  public let behaviors: UnsafeBufferPointer<UInt16>
  /// Events `0..<trainCount` are training events.
  public let trainCount: Int
  /// Index of the validation event, whose history is every event before it; nil = none.
  public let validation: Int?
  /// Index of the test event, whose history is every event before it; nil = none.
  ///
  /// Events behind it (time split only) are used by nothing but recommendations for this user.
  public let test: Int?

  /// The number of events.
  public var count: Int { items.count }
}
