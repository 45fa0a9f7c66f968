import Datasets
public import Tensors

/// One rank's slice of a step: users' sequences packed one behind the other, with their targets.
///
/// Refilled every step.
///
/// Letters: B users, T packed positions, n length. Virtual shards follow each other in rising order.
public final class SequenceBatch {
  /// Where each sequence starts, B + 1 numbers.
  public let starts = NumberList<Int32>()
  /// A key of each position that names it in the whole job's batch, T numbers.
  public let rowKeys = NumberList<UInt64>()
  /// The catalogue row of each position's event.
  public let items = NumberList<Int32>()
  /// The scene of each position's event.
  public let scenes = NumberList<Int32>()
  /// The behaviour of each position's event.
  public let behaviors = NumberList<Int32>()
  /// The time of each position's event, in whole seconds since 1970-01-01 UTC.
  public let times = NumberList<Int64>()
  /// The time of each user's request in the same seconds: of the event that is predicted last.
  public let requestTimes = NumberList<Int64>()
  /// The next item: of each position (universal) or of each user (targeted); empty for evaluation.
  public let targets = NumberList<Int32>()

  /// Makes an empty batch.
  public init() { removeAll() }

  /// The number of users, B.
  public var users: Int { starts.count - 1 }
  /// The number of packed positions, T.
  public var positions: Int { items.count }

  /// The catalogue rows of a user's events, oldest first.
  public func history(of user: Int) -> RowList {
    RowList(rebasing: items.values[Int(starts[user])..<Int(starts[user + 1])])
  }

  /// The last item that a user is to be predicted: its only target in a targeted phase.
  public func lastTarget(of user: Int) -> Int32 {
    targets[targets.count == positions ? Int(starts[user + 1]) - 1 : user]
  }

  /// Makes room for a slice of so many users and positions.
  public func reserve(users: Int, positions: Int) {
    starts.reserve(users + 1)
    rowKeys.reserve(positions)
    times.reserve(positions)
    requestTimes.reserve(users)
    for list in [items, scenes, behaviors] { list.reserve(positions) }
    targets.reserve(max(positions, users))
  }

  /// Forgets every sequence and keeps the memory.
  public func removeAll() {
    for list in [starts, items, scenes, behaviors, targets] { list.removeAll() }
    rowKeys.removeAll()
    times.removeAll()
    requestTimes.removeAll()
    starts.append(0)
  }

  /// Adds an event to the sequence that is being made.
  ///
  /// - Parameter time: microseconds since 1970, as in `UserEvents`.
  public func append(item: Int32, scene: Int32, behavior: Int32, time: Int64 = 0) {
    items.append(item)
    times.append(Self.seconds(time))
    scenes.append(scene)
    behaviors.append(behavior)
  }

  /// Adds a user's event to the sequence that is being made.
  func append(_ events: UserEvents, _ index: Int) {
    append(
      item: events.items[index], scene: Int32(events.scenes[index]), behavior: Int32(events.behaviors[index]),
      time: events.times[index])
  }

  /// Ends the sequence that is being made.
  ///
  /// - Parameters:
  ///   - slot: its user's place in the whole job's batch.
  ///   - time: of the event that is predicted last, in microseconds since 1970.
  public func endSequence(slot: Int, requestTime time: Int64 = 0) {
    let (first, end) = (rowKeys.count, items.count)
    // Counted back from the newest event, so that a key does not depend on how long the history is.
    for position in first..<end { rowKeys.append(UInt64(slot) << 16 | UInt64(end - 1 - position)) }
    starts.append(Int32(end))
    requestTimes.append(Self.seconds(time))
  }

  /// Whole seconds, towards the past.
  private static func seconds(_ microseconds: Int64) -> Int64 {
    let (quotient, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return rest < 0 ? quotient - 1 : quotient
  }
}
