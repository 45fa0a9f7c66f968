import Tensors

/// The batches of phase 2: for each user one target event of the scene and/or behavior, and the history before it.
package final class TargetedBatches: BatchSource {
  /// Which target event of a user a step trains on.
  package enum Position: Sendable {
    /// Any, drawn anew each epoch (ours: more examples than one a user).
    case random
    /// The newest training one.
    case last
  }

  /// A targeted phase's view of the data.
  package struct Target: Sendable {
    /// The phase's name, part of the random key.
    package let name: String
    /// Which events are targets.
    package let filter: EventFilter
    /// What is read before a target.
    package let history: History
    /// Which target event a step trains on.
    package let position: Position

    /// Describes a phase.
    package init(name: String, filter: EventFilter, history: History, position: Position) {
      self.name = name
      self.filter = filter
      self.history = history
      self.position = position
    }
  }

  private let walks: ShardWalks
  private let rule: Rule
  private let positions: RandomStream

  /// Users with a target that has an event before it take part.
  package var order: EpochOrder { walks.order }

  /// Reads which users of the shards have a target with an event before it.
  ///
  /// Throws `InputError` on a damaged shard.
  package init(_ dataset: Dataset, shards: Range<Int>, batch: BatchRule, target: Target, seed: UInt64) throws {
    rule = Rule(target: target)
    positions = RandomStream(seed: seed, purpose: .target, step: RandomStream.hash(target.name))
    walks = try ShardWalks(
      dataset, shards: shards, batch: batch, name: "targeted." + target.name, seed: seed, rule: rule)
  }

  /// Fills a batch with this rank's slice of a step.
  package func fill(_ batch: SequenceBatch, step: Int) {
    walks.fill(batch, step: step) { events, row, epoch, slot in
      let choice = positions.below(rule.choices(events), row: row, column: UInt32(truncatingIfNeeded: epoch))
      let showing = rule.showing(events, choice)
      showing.forEachEvent(of: events) { if $0 != showing.last { batch.append(events, $0) } }
      batch.endSequence(slot: slot, requestTime: events.times[showing.last])
      batch.targets.append(events.items[showing.last])
    }
  }

  /// The ids of the users of this rank's slice of a step.
  package func userIDs(step: Int) -> [String] { walks.userIDs(step: step) }

  /// Counts, in `counts[item]`, the events that an epoch is expected to show: histories, whatever they are read by, and targets.
  package func countEvents(into counts: UnsafeMutableBufferPointer<Double>) { walks.countEvents(rule, into: counts) }

  /// Adds to `misses[item]` the log of the chance that a step's draws from these users miss the item.
  package func addMisses(of sampler: NegativeSampler, into misses: UnsafeMutableBufferPointer<Double>) {
    walks.addMisses(rule, of: sampler, into: misses)
  }

  /// A target event of a user, with the history before it.
  private struct Rule: ShowingRule {
    let target: Target

    func choices(_ events: UserEvents) -> Int {
      let count = (1..<max(events.trainCount, 1)).count { target.filter.matches(events, $0) }
      return target.position == .last ? min(count, 1) : count
    }

    func showing(_ events: UserEvents, _ choice: Int) -> Showing {
      let all = 1..<events.trainCount
      guard let event = target.position == .last ? all.last(where: { target.filter.matches(events, $0) }) : nth(choice, events)
      else {
        preconditionFailure("a user of a targeted batch without a target")
      }
      return target.history.showing(events, before: event)
    }

    private func nth(_ choice: Int, _ events: UserEvents) -> Int? {
      var left = choice
      for event in 1..<events.trainCount where target.filter.matches(events, event) {
        if left == 0 { return event }
        left -= 1
      }
      return nil
    }

    func forEachShowing(_ events: UserEvents, _ body: (Showing) -> Void) {
      guard target.position == .random else { return body(showing(events, 0)) }
      for event in 1..<events.trainCount where target.filter.matches(events, event) {
        body(target.history.showing(events, before: event))
      }
    }

    func firstShown(_ events: UserEvents) -> Int { 0 }
  }
}
