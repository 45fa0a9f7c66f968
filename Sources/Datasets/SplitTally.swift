/// Everything that is counted over the kept events: the split's parts, training counts, ties, leaks, scenes and behaviours.
struct SplitTally {
  private(set) var split = SplitCounts()
  private(set) var audit = LeakAudit()
  /// Training events per item.
  private(set) var trainCounts: [UInt32]
  /// Events per item.
  private(set) var eventCounts: [Int]
  /// Users with two or more training events: those who show the model a next item.
  private(set) var usersToLearnFrom = 0
  /// The time of the earliest event.
  private(set) var earliestTime = Int64.max
  private(set) var lengths: [Int] = []
  var scenes: CategoryTally
  private(set) var behaviors: CategoryTally

  /// Two passes over the events; the second finds training events behind the earliest test event.
  init(_ events: SortedEvents, items: Int, scenes: Int, behaviors: Int, rule: SplitProtocol) {
    trainCounts = Array(repeating: 0, count: items)
    eventCounts = Array(repeating: 0, count: items)
    self.scenes = CategoryTally(categories: scenes, items: items)
    self.behaviors = CategoryTally(categories: behaviors, items: items)
    events.forEach { place, events in
      let split = rule.split(count: events.count) { events[$0].time }
      count(events, user: place, split)
      audit(events, split, rule)
    }
    if let earliest = audit.earliestTestTime {
      events.forEach { _, events in
        let split = rule.split(count: events.count) { events[$0].time }
        for event in events[..<split.trainCount].reversed() {
          if event.time <= earliest { break }
          audit.trainingAfterEarliestTest += 1
        }
      }
    }
    fillShares()
  }

  private mutating func count(_ events: UnsafeMutableBufferPointer<EventRecord>, user: Int, _ parts: UserSplit) {
    lengths.append(events.count)
    if let first = events.first { earliestTime = min(earliestTime, first.time) }
    if parts.trainCount > 1 { usersToLearnFrom += 1 }
    for event in events {
      eventCounts[Int(event.item)] += 1
      scenes.add(event.scene, item: Int(event.item), user: user)
      behaviors.add(event.behavior, item: Int(event.item), user: user)
    }
    for event in events[..<parts.trainCount] { trainCounts[Int(event.item)] += 1 }
    let heldOut = (parts.validation == nil ? 0 : 1) + (parts.test == nil ? 0 : 1)
    split.training += parts.trainCount
    split.validation += parts.validation == nil ? 0 : 1
    split.test += parts.test == nil ? 0 : 1
    split.unused += events.count - parts.trainCount - heldOut
  }

  private mutating func audit(_ events: UnsafeMutableBufferPointer<EventRecord>, _ parts: UserSplit, _ rule: SplitProtocol) {
    if parts.validation != nil { audit.usersWithValidation += 1 }
    if case .time = rule {
      let heldOut = (parts.validation == nil ? 0 : 1) + (parts.test == nil ? 0 : 1)
      audit.eventsAfterCutUnused += events.count - parts.trainCount - heldOut
      if parts.trainCount == 0 { audit.usersWithoutHistory += 1 }
    }
    guard let test = parts.test else { return }
    let time = events[test].time
    audit.usersWithTest += 1
    audit.earliestTestTime = min(audit.earliestTestTime ?? time, time)
    // Events are in time order, so a tie with any earlier event is a tie with the one just before.
    if test > 0 && events[test - 1].time == time { audit.testTies += 1 }
    if let validation = parts.validation, events[validation].time == time { audit.validationTestTies += 1 }
  }

  private mutating func fillShares() {
    func share(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
    audit.validationTestTieShare = share(audit.validationTestTies, min(audit.usersWithTest, audit.usersWithValidation))
    audit.testTieShare = share(audit.testTies, audit.usersWithTest)
    audit.trainingAfterEarliestTestShare = share(audit.trainingAfterEarliestTest, split.training)
  }
}
