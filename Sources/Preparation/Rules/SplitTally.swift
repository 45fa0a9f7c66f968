import Collectives
import Datasets

/// Everything that is counted over the kept events: the split's parts, training counts, ties, leaks, scenes and behaviors.
///
/// Each rank counts its own users' events; then all have the sums, and rank 0 alone the lengths and the pairs.
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
  /// How many users have so many events.
  private(set) var lengths: [Int: Int] = [:]
  /// What the cold protocol keeps out of training.
  private(set) var cold = ColdCounts()
  private let isCold: [Bool]
  var scenes: CategoryTally
  private(set) var behaviors: CategoryTally

  /// Two passes over the events; the second finds training events behind the earliest test event.
  ///
  /// Collective.
  ///
  /// - Parameter isCold: of each item, whether its training events are left out; empty = none is.
  init(
    _ events: SortedEvents, items: Int, scenes: Int, behaviors: Int, rule: SplitProtocol, isCold: [Bool] = [],
    on communicator: any Communicator = SoloCommunicator()
  ) throws {
    self.isCold = isCold
    trainCounts = Array(repeating: 0, count: items)
    eventCounts = Array(repeating: 0, count: items)
    self.scenes = CategoryTally(categories: scenes, items: items)
    self.behaviors = CategoryTally(categories: behaviors, items: items)
    events.forEach { position, events in
      let split = rule.split(count: events.count) { events[$0].time }
      let stays = split.leavingOut(isCold.isEmpty ? 0 : events[..<split.trainCount].count(where: isExcluded))
      count(events, user: position, split, stays)
      audit(events, split, stays, rule)
    }
    let earliestTest = try communicator.gatherCounts(audit.earliestTestTime.map { Int($0) } ?? .max).min() ?? .max
    audit.earliestTestTime = earliestTest == .max ? nil : Int64(earliestTest)
    if let earliest = audit.earliestTestTime {
      events.forEach { _, events in
        let split = rule.split(count: events.count) { events[$0].time }
        for event in events[..<split.trainCount].reversed() {
          if event.time <= earliest { break }
          if isExcluded(event) { continue }
          audit.trainingAfterEarliestTest += 1
        }
      }
    }
    if communicator.size > 1 { try add(on: communicator) }
    cold.items = isCold.count { $0 }
    fillShares()
  }

  /// The sums over the ranks; lengths and the pairs of scenes and behaviors on rank 0 alone.
  private mutating func add(on communicator: any Communicator) throws {
    let sums = try communicator.sum(counts: Self.counts.map { self[keyPath: $0] })
    for (path, sum) in zip(Self.counts, sums) { self[keyPath: path] = sum }
    earliestTime = Int64(try communicator.gatherCounts(Int(earliestTime)).min() ?? .max)
    trainCounts = try communicator.sum(counts: trainCounts.map { Int($0) }).map { UInt32($0) }
    eventCounts = try communicator.sum(counts: eventCounts)
    let (counts, users) = (
      try communicator.gatherToFirst(Array(lengths.keys)), try communicator.gatherToFirst(Array(lengths.values))
    )
    lengths = Dictionary(zip(counts, users), uniquingKeysWith: +)
    try scenes.add(on: communicator)
    try behaviors.add(on: communicator)
  }

  /// What is counted in single numbers.
  private static var counts: [WritableKeyPath<SplitTally, Int>] {
    [
      \.usersToLearnFrom, \.split.training, \.split.validation, \.split.test, \.split.unused, \.cold.eventsLeftOut,
      \.cold.withoutHistory, \.cold.validation, \.cold.test, \.audit.usersWithValidation, \.audit.eventsAfterCutUnused,
      \.audit.usersWithoutHistory, \.audit.usersWithTest, \.audit.testTies, \.audit.validationTestTies,
      \.audit.trainingAfterEarliestTest,
    ]
  }

  private func isExcluded(_ event: EventRecord) -> Bool { !isCold.isEmpty && isCold[Int(event.item)] }

  /// - Parameters:
  ///   - parts: the split of all events.
  ///   - stays: the split once training events on cold items are left out.
  private mutating func count(
    _ events: UnsafeMutableBufferPointer<EventRecord>, user: Int, _ parts: UserSplit, _ stays: UserSplit
  ) {
    lengths[events.count, default: 0] += 1
    if let first = events.first { earliestTime = min(earliestTime, first.time) }
    if stays.trainCount > 1 { usersToLearnFrom += 1 }
    for event in events {
      eventCounts[Int(event.item)] += 1
      scenes.add(event.scene, item: Int(event.item), user: user)
      behaviors.add(event.behavior, item: Int(event.item), user: user)
    }
    for event in events[..<parts.trainCount] where !isExcluded(event) { trainCounts[Int(event.item)] += 1 }
    let heldOut = Self.heldOut(stays)
    split.training += stays.trainCount
    split.validation += stays.validation == nil ? 0 : 1
    split.test += stays.test == nil ? 0 : 1
    split.unused += events.count - parts.trainCount - heldOut
    cold.eventsLeftOut += parts.trainCount - stays.trainCount
    cold.withoutHistory += Self.heldOut(parts) - heldOut
    if let event = parts.validation, stays.validation != nil, isExcluded(events[event]) { cold.validation += 1 }
    if let event = parts.test, stays.test != nil, isExcluded(events[event]) { cold.test += 1 }
  }

  private static func heldOut(_ parts: UserSplit) -> Int { (parts.validation == nil ? 0 : 1) + (parts.test == nil ? 0 : 1) }

  private mutating func audit(
    _ events: UnsafeMutableBufferPointer<EventRecord>, _ parts: UserSplit, _ stays: UserSplit, _ rule: SplitProtocol
  ) {
    if stays.validation != nil { audit.usersWithValidation += 1 }
    if case .time = rule {
      audit.eventsAfterCutUnused +=
        events.count - parts.trainCount - Self.heldOut(parts) + (parts.test != nil && stays.test == nil ? 1 : 0)
      if parts.trainCount == 0 { audit.usersWithoutHistory += 1 }
    }
    guard let test = parts.test, stays.test != nil else { return }
    let time = events[test].time
    audit.usersWithTest += 1
    audit.earliestTestTime = min(audit.earliestTestTime ?? time, time)
    // Events are in time order, so a tie with any earlier event is a tie with the one just before.
    if test > 0 && events[test - 1].time == time { audit.testTies += 1 }
    if let validation = parts.validation, stays.validation != nil, events[validation].time == time {
      audit.validationTestTies += 1
    }
  }

  private mutating func fillShares() {
    func share(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
    audit.validationTestTieShare = share(audit.validationTestTies, min(audit.usersWithTest, audit.usersWithValidation))
    audit.testTieShare = share(audit.testTies, audit.usersWithTest)
    audit.trainingAfterEarliestTestShare = share(audit.trainingAfterEarliestTest, split.training)
  }
}

/// Counts events, users and items by scene or behavior.
struct CategoryTally {
  private(set) var events: [Int]
  private(set) var users: [Int]
  /// Which categories each item has events in.
  private(set) var pairs: PairSet
  private(set) var items: [Int]
  private var lastUser: [Int]

  init(categories: Int, items: Int) {
    events = Array(repeating: 0, count: categories)
    users = events
    self.items = events
    lastUser = Array(repeating: -1, count: categories)
    pairs = PairSet(numbers: items)
  }

  @inline(__always)
  mutating func add(_ category: UInt16, item: Int, user: Int) {
    let index = Int(category)
    events[index] += 1
    if lastUser[index] != user {
      lastUser[index] = user
      users[index] += 1
    }
    if pairs.insert(item, category) { items[index] += 1 }
  }

  /// The sums over the ranks; pairs on rank 0 alone.
  mutating func add(on communicator: any Communicator) throws {
    events = try communicator.sum(counts: events)
    users = try communicator.sum(counts: users)
    for teller in 1..<communicator.size {
      for key in try communicator.gatherToFirst(communicator.rank == teller ? pairs.keys : [])
      where pairs.insert(Int(key >> 16), UInt16(truncatingIfNeeded: key)) { items[Int(key & 0xFFFF)] += 1 }
    }
  }

  /// Adds pairs that have no event, such as listings; categories beyond those of the events are appended.
  mutating func add(listed: PairSet, categories: Int) {
    let missing = Array(repeating: 0, count: categories - events.count)
    events += missing
    users += missing
    items += missing
    for pair in listed.sorted() where pairs.insert(pair.number, pair.category) { items[Int(pair.category)] += 1 }
  }
}
