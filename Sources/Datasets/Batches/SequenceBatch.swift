package import Tensors

/// One rank's slice of a step: users' sequences packed one behind the other, with their targets.
///
/// Refilled every step.
///
/// Letters: B users, T packed positions, n length. Virtual shards follow each other in rising order.
package final class SequenceBatch {
  /// Where each sequence starts, B + 1 numbers.
  package let starts = NumberList<Int32>()
  /// A key of each position that names it in the whole job's batch, T numbers.
  package let rowKeys = NumberList<UInt64>()
  /// The catalogue row of each position's event.
  package let items = NumberList<Int32>()
  /// The scene of each position's event.
  package let scenes = NumberList<Int32>()
  /// The behavior of each position's event.
  package let behaviors = NumberList<Int32>()
  /// The time of each position's event, in whole seconds since 1970-01-01 UTC.
  package let times = NumberList<Int64>()
  /// The time of each user's request in the same seconds: of the event that is predicted last.
  package let requestTimes = NumberList<Int64>()
  /// The next item: of each position (universal) or of each user (targeted); empty for evaluation.
  package let targets = NumberList<Int32>()

  /// Makes an empty batch.
  package init() { removeAll() }

  /// The number of users, B.
  package var users: Int { starts.count - 1 }
  /// The number of packed positions, T.
  package var positions: Int { items.count }

  /// The catalogue rows of a user's events, oldest first.
  package func history(of user: Int) -> RowList {
    RowList(rebasing: items.values[Int(starts[user])..<Int(starts[user + 1])])
  }

  /// The last item that a user is to be predicted: its only target in a targeted phase.
  func lastTarget(of user: Int) -> Int32 {
    targets[targets.count == positions ? Int(starts[user + 1]) - 1 : user]
  }

  /// Makes room for a slice of so many users and positions.
  package func reserve(users: Int, positions: Int) {
    starts.reserve(users + 1)
    rowKeys.reserve(positions)
    times.reserve(positions)
    requestTimes.reserve(users)
    for list in [items, scenes, behaviors] { list.reserve(positions) }
    targets.reserve(max(positions, users))
  }

  /// Forgets every sequence and keeps the memory.
  package func removeAll() {
    for list in [starts, items, scenes, behaviors, targets] { list.removeAll() }
    rowKeys.removeAll()
    times.removeAll()
    requestTimes.removeAll()
    starts.append(0)
  }

  /// Adds an event to the sequence that is being made.
  ///
  /// - Parameter time: microseconds since 1970, as in `UserEvents`.
  package func append(item: Int32, scene: Int32, behavior: Int32, time: Int64 = 0) {
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

  /// Adds consecutive events of a user to the sequence that is being made: as one by one, in a fraction of the time.
  func append(_ events: UserEvents, _ run: Range<Int>) {
    let (items, times) = (items.extend(by: run.count), times.extend(by: run.count))
    let (scenes, behaviors) = (scenes.extend(by: run.count), behaviors.extend(by: run.count))
    for (index, event) in run.enumerated() {
      items[index] = events.items[event]
      times[index] = Self.seconds(events.times[event])
      scenes[index] = Int32(events.scenes[event])
      behaviors[index] = Int32(events.behaviors[event])
    }
  }

  /// Ends the sequence that is being made.
  ///
  /// - Parameters:
  ///   - slot: its user's place in the whole job's batch.
  ///   - time: of the event that is predicted last, in microseconds since 1970.
  package func endSequence(slot: Int, requestTime time: Int64 = 0) {
    let (first, end) = (rowKeys.count, items.count)
    // Counted back from the newest event, so that a key does not depend on how long the history is.
    let keys = rowKeys.extend(by: end - first)
    for index in keys.indices { keys[index] = UInt64(slot) << 16 | UInt64(keys.count - 1 - index) }
    starts.append(Int32(end))
    requestTimes.append(Self.seconds(time))
  }

  /// Whole seconds, toward the past.
  private static func seconds(_ microseconds: Int64) -> Int64 {
    let (quotient, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return rest < 0 ? quotient - 1 : quotient
  }
}

/// Where a phase's batches come from: a pure function of the step.
package protocol BatchSource: AnyObject {
  /// Who takes part, and which of them a step takes.
  var order: EpochOrder { get }
  /// Fills a batch with this rank's slice of a step.
  func fill(_ batch: SequenceBatch, step: Int)
  /// The ids of the users of this rank's slice of a step, in the batch's order: for what goes wrong, not for every step.
  func userIDs(step: Int) -> [String]
  /// Adds to `counts[item]` how often an epoch is expected to show each item to this rank, as a position or as a user's last target.
  func countEvents(into counts: UnsafeMutableBufferPointer<Double>)
  /// Adds to `misses[item]` the log of the chance that a step's draws from this rank's users miss the item, for the logQ correction.
  func addMisses(of sampler: NegativeSampler, into misses: UnsafeMutableBufferPointer<Double>)
}
