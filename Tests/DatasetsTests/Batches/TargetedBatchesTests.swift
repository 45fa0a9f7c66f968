import Testing

@testable import Datasets

struct TargetedBatchesTests {
  private let world: BatchWorld

  init() throws {
    world = try BatchWorld(users: 60, seed: 2)
  }

  private func source(
    _ shards: Range<Int>? = nil, users: Int = 6, length: Int = 3, target: EventFilter, history: EventFilter? = nil,
    _ position: TargetedBatches.Position = .random
  ) throws -> TargetedBatches {
    let target = TargetedBatches.Target(
      name: "t", filter: target, history: History(filter: history ?? target, length: length), position: position)
    let shards = shards ?? 0..<world.shards.count
    let filter = target.filter
    let batch = world.batch(users, shards: shards) { events in
      (1..<max(1, events.trainCount)).contains { filter.matches(events, $0) }
    }
    return try TargetedBatches(world.dataset, shards: shards, batch: batch, target: target, seed: 5)
  }

  /// The training events of a user that may be targets: they match, and something stands before them.
  private func targets(_ user: BatchWorld.StepPosition, _ filter: EventFilter) -> [Int] {
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
    try expectSameBatches(world, steps: 12) { try source($0, users: 11, target: filter, position) }
  }

  @Test(
    arguments: [
      (EventFilter(scene: 1, behavior: nil), nil), (EventFilter(scene: nil, behavior: 2), EventFilter.all),
      (EventFilter(scene: 0, behavior: 1), nil), (EventFilter.all, nil),
    ] as [(EventFilter, EventFilter?)])
  func targetsAndHistoriesFollowTheRule(filter: EventFilter, historyFilter: EventFilter?) throws {
    let source = try source(users: 17, target: filter, history: historyFilter)
    var fallbacks = 0
    for step in 0..<60 {
      let content = BatchContent.of(source, step: step)
      #expect(content.targets.count == content.sequences.count)
      for (sequence, target) in zip(content.sequences, content.targets) {
        let index = try world.index(target)
        let events = world.events(index)
        #expect(targets(index, filter).contains(index.event))
        let expected = history(events, before: index.event, historyFilter ?? filter, length: 3)
        #expect(try sequence.items.map(world.index).map(\.event) == expected)
        #expect(sequence.items == expected.map { events.items[$0] })
        #expect(!expected.isEmpty)
        // The world's events come a second apart, the first at 0.
        #expect(sequence.times == expected.map { Int64($0) } && sequence.requestTime == Int64(index.event))
        if !expected.contains(where: { (historyFilter ?? filter).matches(events, $0) }) { fallbacks += 1 }
      }
    }
    // A user new to the scene is read by everything it did elsewhere.
    #expect((fallbacks > 0) == (historyFilter == nil && filter != .all))
  }

  @Test(arguments: [1, 2, 5, 7, 13, 500]) func anEpochIsOnePassOverTheUsersWithATarget(users: Int) throws {
    let filter = EventFilter(scene: 2, behavior: nil)
    let able = world.everyUser.filter { !targets($0, filter).isEmpty }
    #expect(able.count > 10 && able.count < world.everyUser.count)
    try expectOnePass(world, users: able.map { world.shards[$0.shard].id($0.user) }) {
      try source($0, users: users, target: filter)
    }
  }

  @Test func randomPositionsReachEveryTargetAndLastOnlyTheNewest() throws {
    let filter = EventFilter(scene: nil, behavior: 0)
    for position in [TargetedBatches.Position.random, .last] {
      let source = try source(users: 20, target: filter, position)
      var met: [BatchWorld.StepPosition: Set<Int>] = [:]
      for step in 0..<600 {
        for target in BatchContent.of(source, step: step).targets {
          let index = try world.index(target)
          met[.init(shard: index.shard, user: index.user, event: 0), default: []].insert(index.event)
        }
      }
      for user in world.everyUser {
        let all = targets(user, filter)
        #expect(met[user, default: []] == Set(position == .random ? all : all.suffix(1)))
      }
    }
  }
}
