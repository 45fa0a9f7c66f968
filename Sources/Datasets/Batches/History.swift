/// What a model reads of a user before an event: the newest n events that the rule admits.
package struct History: Sendable, Equatable {
  /// Which events are read.
  package let filter: EventFilter
  /// n, the most events read.
  package let length: Int

  /// Reads the newest `length` events that match.
  package init(filter: EventFilter, length: Int) {
    precondition(length > 0 && length < 1 << 16, "a history of \(length) events")
    self.filter = filter
    self.length = length
  }

  /// Adds the history before event `index` to a batch, oldest first, as the sequence of the user in `slot`.
  ///
  /// - Parameter requestTime: when the user is predicted for, in microseconds since 1970; nil = at event `index`, or when there is
  ///   none, at the user's newest event.
  package func append(
    _ events: UserEvents, before index: Int, requestTime: Int64? = nil, slot: Int, to batch: SequenceBatch
  ) {
    let showing = showing(events, before: index)
    for event in showing.first..<index where showing.filter.matches(events, event) { batch.append(events, event) }
    let known = index < events.count ? events.times[index] : events.times.last
    batch.endSequence(slot: slot, requestTime: requestTime ?? known ?? 0)
  }

  /// Which of a user's events are read before event `index`, oldest first: those that `append` adds to a batch.
  package func indices(of events: UserEvents, before index: Int) -> [Int] {
    let showing = showing(events, before: index)
    return (showing.first..<index).filter { showing.filter.matches(events, $0) }
  }

  /// The events that are read before event `index`, and that event.
  ///
  /// A user with earlier events but none that match is read by all of them: new to the scene, not unknown (ours).
  func showing(_ events: UserEvents, before index: Int) -> Showing {
    let matching = newest(events, before: index, filter)
    guard matching.count == 0 else { return Showing(filter: filter, first: matching.first, last: index) }
    return Showing(filter: .all, first: newest(events, before: index, .all).first, last: index)
  }

  /// Where the newest matching events before event `index` begin, and how many they are.
  private func newest(_ events: UserEvents, before index: Int, _ filter: EventFilter) -> (first: Int, count: Int) {
    var (first, count) = (index, 0)
    while first > 0 && count < length {
      first -= 1
      if filter.matches(events, first) { count += 1 }
    }
    return (first, count)
  }
}

/// Which events belong to a phase: those of one scene and/or one behavior, or all.
package struct EventFilter: Sendable, Equatable {
  /// The scene's number, or nil for every scene.
  package let scene: Int?
  /// The behavior's number, or nil for every behavior.
  package let behavior: Int?

  /// Every event.
  package static let all = EventFilter(scene: nil, behavior: nil)

  /// Events of a scene and/or a behavior.
  package init(scene: Int?, behavior: Int?) {
    self.scene = scene
    self.behavior = behavior
  }

  /// Whether a user's event belongs.
  package func matches(_ events: UserEvents, _ index: Int) -> Bool {
    (scene.map { Int(events.scenes[index]) == $0 } ?? true) && (behavior.map { Int(events.behaviors[index]) == $0 } ?? true)
  }
}
