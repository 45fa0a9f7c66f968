public import Datasets

/// What a model reads of a user before an event: the newest n events that the rule admits.
public struct History: Sendable, Equatable {
  /// Which events are read.
  public let filter: EventFilter
  /// n, the most events read.
  public let length: Int

  /// Reads the newest `length` events that match.
  public init(filter: EventFilter, length: Int) {
    precondition(length > 0 && length < 1 << 16, "a history of \(length) events")
    self.filter = filter
    self.length = length
  }

  /// Adds the history before event `index` to a batch, oldest first, as the sequence of the user in `slot`.
  ///
  /// A user with earlier events but none that match is read by all of them: new to the scene, not unknown (ours).
  public func append(_ events: UserEvents, before index: Int, slot: Int, to batch: SequenceBatch) {
    if append(events, before: index, filter, to: batch) == 0 { append(events, before: index, .all, to: batch) }
    batch.endSequence(slot: slot)
  }

  @discardableResult
  private func append(_ events: UserEvents, before index: Int, _ filter: EventFilter, to batch: SequenceBatch) -> Int {
    var first = index
    var count = 0
    while first > 0 && count < length {
      first -= 1
      if filter.matches(events, first) { count += 1 }
    }
    for event in first..<index where filter.matches(events, event) { batch.append(events, event) }
    return count
  }
}
