public import Datasets
import Tensors

/// The batches of phase 1: for each user n + 1 consecutive training events, every one but the last a position.
public final class UniversalBatches: BatchSource {
  /// Which part of a long history a step sees.
  public enum Window: Sendable {
    /// The newest n + 1 training events.
    case latest
    /// Any n + 1 consecutive ones, drawn anew each epoch.
    case random
  }

  /// Users of these shards that have something to learn from.
  public var users: Int { walks.users }

  /// Reads which users of the shards have at least two training events.
  ///
  /// Throws `InputError` on a damaged shard.
  ///
  /// - Parameters:
  ///   - shards: the virtual shards of this rank.
  ///   - usersPerShard: how many users a step takes from each.
  public init(
    _ dataset: Dataset, shards: Range<Int>, usersPerShard: Int, length: Int, window: Window, seed: UInt64
  ) throws {
    self.length = length
    self.window = window
    windows = RandomStream(seed: seed, purpose: .window)
    walks = try ShardWalks(dataset, shards: shards, usersPerShard: usersPerShard, name: "universal", seed: seed) {
      $0.trainCount >= 2
    }
  }

  /// Fills a batch with this rank's slice of a step.
  public func fill(_ batch: SequenceBatch, step: Int) {
    walks.fill(batch, step: step) { events, row, epoch, slot in
      let first = start(events.trainCount, row, epoch)
      let last = min(first + length, events.trainCount - 1)
      for event in first..<last {
        batch.append(events, event)
        batch.targets.append(events.items[event + 1])
      }
      batch.endSequence(slot: slot)
    }
  }

  /// The ids of the users of this rank's slice of a step.
  public func userIDs(step: Int) -> [String] { walks.userIDs(step: step) }

  /// Counts, in `counts[item]`, the events that an epoch shows, with their expected share where windows are drawn.
  public func countEvents(into counts: UnsafeMutableBufferPointer<Double>) {
    walks.forEachUser { events in
      let seen = window == .latest ? max(0, events.trainCount - length - 1)..<events.trainCount : 0..<events.trainCount
      let share = Double(min(length + 1, events.trainCount)) / Double(seen.count)
      for event in seen { counts[Int(events.items[event])] += share }
    }
  }

  private func start(_ count: Int, _ row: UInt64, _ epoch: Int) -> Int {
    let spare = count - (length + 1)
    guard spare > 0 else { return 0 }
    return window == .latest ? spare : windows.below(spare + 1, row: row, column: UInt32(truncatingIfNeeded: epoch))
  }

  private let walks: ShardWalks
  private let length: Int
  private let window: Window
  private let windows: RandomStream
}
