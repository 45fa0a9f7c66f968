public import Datasets
import Tensors

/// The batches of phase 2: for each user one target event of the scene and/or behaviour, and the history before it.
public final class TargetedBatches: BatchSource {
  /// Which target event of a user a step trains on.
  public enum Position: Sendable {
    /// Any, drawn anew each epoch (ours: more examples than one a user).
    case random
    /// The newest training one.
    case last
  }

  /// A targeted phase's view of the data.
  public struct Target: Sendable {
    /// The phase's name, part of the random key.
    public let name: String
    /// Which events are targets.
    public let filter: EventFilter
    /// What is read before a target.
    public let history: History
    /// Which target event a step trains on.
    public let position: Position

    /// Describes a phase.
    public init(name: String, filter: EventFilter, history: History, position: Position) {
      self.name = name
      self.filter = filter
      self.history = history
      self.position = position
    }
  }

  /// Users of these shards with at least one target.
  public var users: Int { walks.users }

  /// Reads which users of the shards have a target with an event before it.
  ///
  /// Throws `InputError` on a damaged shard.
  public init(_ dataset: Dataset, shards: Range<Int>, usersPerShard: Int, target: Target, seed: UInt64) throws {
    self.target = target
    positions = RandomStream(seed: seed, purpose: .target, step: RandomStream.hash(target.name))
    walks = try ShardWalks(
      dataset, shards: shards, usersPerShard: usersPerShard, name: "targeted." + target.name, seed: seed
    ) { Self.targets($0, target.filter) > 0 }
  }

  /// Fills a batch with this rank's slice of a step.
  public func fill(_ batch: SequenceBatch, step: Int) {
    walks.fill(batch, step: step) { events, row, epoch, slot in
      let event = choose(events, row, epoch)
      target.history.append(events, before: event, slot: slot, to: batch)
      batch.targets.append(events.items[event])
    }
  }

  /// The ids of the users of this rank's slice of a step.
  public func userIDs(step: Int) -> [String] { walks.userIDs(step: step) }

  /// Counts, in `counts[item]`, the training events that the phase can show.
  public func countEvents(into counts: UnsafeMutableBufferPointer<Double>) {
    walks.forEachUser { events in
      for event in 0..<events.trainCount where target.history.filter.matches(events, event) {
        counts[Int(events.items[event])] += 1
      }
    }
  }

  /// How many training events of a user are targets with an event before them.
  private static func targets(_ events: UserEvents, _ filter: EventFilter) -> Int {
    (1..<max(events.trainCount, 1)).count { filter.matches(events, $0) }
  }

  private func choose(_ events: UserEvents, _ row: UInt64, _ epoch: Int) -> Int {
    let count = Self.targets(events, target.filter)
    var left =
      target.position == .last ? count - 1 : positions.below(count, row: row, column: UInt32(truncatingIfNeeded: epoch))
    for event in 1..<events.trainCount where target.filter.matches(events, event) {
      if left == 0 { return event }
      left -= 1
    }
    preconditionFailure("a user of a targeted batch without a target")
  }

  private let walks: ShardWalks
  private let target: Target
  private let positions: RandomStream
}
