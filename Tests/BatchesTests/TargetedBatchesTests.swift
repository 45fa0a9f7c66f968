import Datasets
import Testing

@testable import Batches

struct TargetedBatchesTests {
  private let world: BatchWorld

  init() throws {
    world = try BatchWorld(users: 60, seed: 2)
  }

  private func source(
    _ shards: Range<Int>? = nil, users: Int = 1, length: Int = 3, target: EventFilter, history: EventFilter? = nil,
    _ position: TargetedBatches.Position = .random
  ) throws -> TargetedBatches {
    let target = TargetedBatches.Target(
      name: "t", filter: target, history: History(filter: history ?? target, length: length), position: position)
    return try TargetedBatches(
      world.dataset, shards: shards ?? 0..<world.shards.count, usersPerShard: users, target: target, seed: 5)
  }

  /// The training events of a user that may be targets: they match, and something stands before them.
  private func targets(_ user: BatchWorld.Place, _ filter: EventFilter) -> [Int] {
    let events = world.events(user)
    return (0..<events.trainCount).filter { $0 >= 1 && filter.matches(events, $0) }
  }

  /// The history before an event by the rule, written again: the newest matching events, or the newest of all where none matches.
  private func history(_ events: UserEvents, before event: Int, _ filter: EventFilter, length: Int) -> [Int] {
    let matching = (0..<event).filter { filter.matches(events, $0) }
    return Array((matching.isEmpty ? Array(0..<event) : matching).suffix(length))
  }

  @Test(arguments: [TargetedBatches.Position.random, .last])
  func stepsDoNotDependOnTheDivisionOverRanks(position: TargetedBatches.Position) throws {
    let filter = EventFilter(scene: nil, behavior: 1)
    try expectSameBatches(world, steps: 12) { try source($0, users: 2, target: filter, position) }
  }

  @Test(
    arguments: [
      (EventFilter(scene: 1, behavior: nil), nil), (EventFilter(scene: nil, behavior: 2), EventFilter.all),
      (EventFilter(scene: 0, behavior: 1), nil), (EventFilter.all, nil),
    ] as [(EventFilter, EventFilter?)])
  func targetsAndHistoriesFollowTheRule(filter: EventFilter, historyFilter: EventFilter?) throws {
    let source = try source(users: 3, target: filter, history: historyFilter)
    var fallbacks = 0
    for step in 0..<60 {
      let content = BatchContent.of(source, step: step)
      #expect(content.targets.count == content.sequences.count)
      for (sequence, target) in zip(content.sequences, content.targets) {
        let place = try world.place(target)
        let events = world.events(place)
        #expect(targets(place, filter).contains(place.event))
        let expected = history(events, before: place.event, historyFilter ?? filter, length: 3)
        #expect(try sequence.items.map(world.place).map(\.event) == expected)
        #expect(sequence.items == expected.map { events.items[$0] })
        #expect(!expected.isEmpty)
        if !expected.contains(where: { (historyFilter ?? filter).matches(events, $0) }) { fallbacks += 1 }
      }
    }
    // A user new to the scene is read by everything it did elsewhere.
    #expect((fallbacks > 0) == (historyFilter == nil && filter != .all))
  }

  @Test func eachUserWithATargetComesOnceAnEpoch() throws {
    let filter = EventFilter(scene: 2, behavior: nil)
    for shard in 0..<world.shards.count {
      let able = world.everyUser.filter { $0.shard == shard && !targets($0, filter).isEmpty }.map(\.user)
      #expect(able.count < world.shards[shard].userCount)
      let source = try source(shard..<shard + 1, target: filter)
      #expect(source.users == able.count)
      for epoch in 0..<2 {
        let met = try able.indices.map { try world.place(BatchContent.of(source, step: epoch * able.count + $0).targets[0]).user }
        #expect(met.sorted() == able)
      }
    }
  }

  @Test func randomPositionsReachEveryTargetAndLastOnlyTheNewest() throws {
    let filter = EventFilter(scene: nil, behavior: 0)
    for position in [TargetedBatches.Position.random, .last] {
      let source = try source(users: 4, target: filter, position)
      var met: [BatchWorld.Place: Set<Int>] = [:]
      for step in 0..<600 {
        for target in BatchContent.of(source, step: step).targets {
          let place = try world.place(target)
          met[.init(shard: place.shard, user: place.user, event: 0), default: []].insert(place.event)
        }
      }
      for user in world.everyUser {
        let all = targets(user, filter)
        #expect(met[user, default: []] == Set(position == .random ? all : all.suffix(1)))
      }
    }
  }

  @Test func onlyTrainingEventsOfTheHistoryAreCounted() throws {
    let filter = EventFilter(scene: 1, behavior: nil)
    var counts = [Double](repeating: 0, count: world.dataset.items.count)
    try counts.withUnsafeMutableBufferPointer { try source(target: filter).countEvents(into: $0) }
    for user in world.everyUser {
      let events = world.events(user)
      for event in 0..<events.count {
        let isCounted = event < events.trainCount && filter.matches(events, event) && !targets(user, filter).isEmpty
        #expect(counts[Int(events.items[event])] == (isCounted ? 1 : 0))
      }
    }
  }
}
