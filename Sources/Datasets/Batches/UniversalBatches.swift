import Tensors

/// The batches of phase 1: for each user n + 1 consecutive training events, every one but the last a position.
package final class UniversalBatches: BatchSource {
  /// Which part of a long history a step sees.
  package enum Window: Sendable {
    /// The newest n + 1 training events.
    case latest
    /// Any n + 1 consecutive ones, drawn anew each epoch.
    case random
  }

  private let walks: ShardWalks
  private let rule: Rule
  private let windows: RandomStream

  /// Users with at least two training events take part.
  package var order: EpochOrder { walks.order }

  /// Reads which users of the shards have something to learn from.
  ///
  /// Throws `InputError` on a damaged shard.
  ///
  /// - Parameter shards: the virtual shards of this rank.
  package init(
    _ dataset: Dataset, shards: Range<Int>, batch: BatchRule, length: Int, window: Window, seed: UInt64
  ) throws {
    rule = Rule(length: length, window: window)
    windows = RandomStream(seed: seed, purpose: .window)
    walks = try ShardWalks(dataset, shards: shards, batch: batch, name: "universal", seed: seed, rule: rule)
  }

  /// Fills a batch with this rank's slice of a step.
  package func fill(_ batch: SequenceBatch, step: Int) {
    walks.fill(batch, step: step) { events, row, epoch, slot in
      let choice = windows.below(rule.choices(events), row: row, column: UInt32(truncatingIfNeeded: epoch))
      let showing = rule.showing(events, choice)
      let run = showing.first..<showing.last
      batch.append(events, run)
      let targets = batch.targets.extend(by: run.count)
      for index in targets.indices { targets[index] = events.items[run.lowerBound + index + 1] }
      batch.endSequence(slot: slot, requestTime: events.times[showing.last])
    }
  }

  /// The ids of the users of this rank's slice of a step.
  package func userIDs(step: Int) -> [String] { walks.userIDs(step: step) }

  /// Counts, in `counts[item]`, the events that an epoch is expected to show.
  package func countEvents(into counts: UnsafeMutableBufferPointer<Double>) { walks.countEvents(rule, into: counts) }

  /// Adds to `misses[item]` the log of the chance that a step's draws from these users miss the item.
  package func addMisses(of sampler: NegativeSampler, into misses: UnsafeMutableBufferPointer<Double>) {
    walks.addMisses(rule, of: sampler, into: misses)
  }

  /// n + 1 consecutive training events of a user, or all.
  private struct Rule: ShowingRule {
    let length: Int
    let window: Window

    func choices(_ events: UserEvents) -> Int {
      guard events.trainCount >= 2 else { return 0 }
      return window == .latest ? 1 : max(0, events.trainCount - (length + 1)) + 1
    }

    func showing(_ events: UserEvents, _ choice: Int) -> Showing {
      let first = window == .latest ? firstShown(events) : choice
      return Showing(filter: .all, first: first, last: min(first + length, events.trainCount - 1))
    }

    func forEachShowing(_ events: UserEvents, _ body: (Showing) -> Void) {
      for choice in 0..<choices(events) { body(showing(events, choice)) }
    }

    func firstShown(_ events: UserEvents) -> Int { window == .latest ? max(0, events.trainCount - (length + 1)) : 0 }
  }
}
