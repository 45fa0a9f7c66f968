import Testing

@testable import Datasets

struct UniversalBatchesTests {
  private let world: BatchWorld

  init() throws {
    world = try BatchWorld()
  }

  private func source(
    _ shards: Range<Int>? = nil, users: Int = 6, length: Int = 5, _ window: UniversalBatches.Window = .latest, seed: UInt64 = 3
  ) throws -> UniversalBatches {
    let shards = shards ?? 0..<world.shards.count
    return try UniversalBatches(
      world.dataset, shards: shards, batch: world.batch(users, shards: shards) { $0.trainCount >= 2 }, length: length,
      window: window, seed: seed)
  }

  private var able: [BatchWorld.StepPosition] { world.everyUser.filter { world.events($0).trainCount >= 2 } }

  @Test(arguments: [UniversalBatches.Window.latest, .random])
  func stepsDoNotDependOnTheDivisionOverRanks(window: UniversalBatches.Window) throws {
    try expectSameBatches(world, steps: 12) { try source($0, users: 11, window) }
  }

  @Test(arguments: [1, 2, 5, 7, 13, 500]) func anEpochIsOnePass(users: Int) throws {
    #expect(able.count > 20 && able.count < world.everyUser.count)
    try expectOnePass(world, users: able.map { world.shards[$0.shard].id($0.user) }) { try source($0, users: users) }
  }

  @Test func eachEpochHasItsOwnOrder() throws {
    let source = try source()
    let steps = source.order.stepsPerEpoch
    let epochs = (0..<3).map { epoch in (0..<steps).flatMap { source.userIDs(step: epoch * steps + $0) } }
    #expect(Set(epochs).count == 3)
  }

  @Test func theSeedDecidesTheOrder() throws {
    let steps = 0..<8
    let other = try steps.contains { try BatchContent.of(source(), step: $0) != .of(source(seed: 4), step: $0) }
    #expect(other)
  }

  @Test(arguments: [1, 5, 50], [UniversalBatches.Window.latest, .random])
  func aPositionsTargetIsTheNextTrainingEvent(length: Int, window: UniversalBatches.Window) throws {
    let source = try source(users: 17, length: length, window)
    for step in 0..<20 {
      let content = BatchContent.of(source, step: step)
      #expect(content.targets.count == content.sequences.reduce(0) { $0 + $1.items.count })
      var targets = content.targets[...]
      for sequence in content.sequences {
        let indices = try sequence.items.map(world.index)
        let first = try #require(indices.first)
        let events = world.events(first)
        #expect(indices.map(\.event) == Array(first.event..<first.event + indices.count))
        #expect(indices.allSatisfy { $0.shard == first.shard && $0.user == first.user })
        #expect(indices.count == min(length, events.trainCount - 1))
        let next = try targets.prefix(indices.count).map(world.index)
        #expect(next.map(\.event) == indices.map { $0.event + 1 } && next.allSatisfy { $0.user == first.user })
        // Never the validation event, never the test event.
        #expect(next.allSatisfy { $0.event < events.trainCount })
        if window == .latest { #expect(next.last?.event == events.trainCount - 1) }
        #expect(sequence.scenes == indices.map { Int32(events.scenes[$0.event]) })
        #expect(sequence.behaviors == indices.map { Int32(events.behaviors[$0.event]) })
        // The world's events come a second apart, the first at 0.
        #expect(sequence.times == indices.map { Int64($0.event) } && sequence.requestTime == next.last.map { Int64($0.event) })
        targets = targets.dropFirst(indices.count)
      }
    }
  }

  @Test func randomWindowsReachEveryStart() throws {
    let source = try source(users: 20, length: 3, .random)
    var starts: [BatchWorld.StepPosition: Int] = [:]
    for step in 0..<600 {
      for sequence in BatchContent.of(source, step: step).sequences {
        starts[try world.index(sequence.items[0]), default: 0] += 1
      }
    }
    for user in able {
      let spare = max(0, world.events(user).trainCount - 4)
      for event in 0...spare { #expect(starts[.init(shard: user.shard, user: user.user, event: event), default: 0] > 0) }
      #expect(starts[.init(shard: user.shard, user: user.user, event: spare + 1)] == nil)
    }
  }

  @Test func emptyShardsGiveNothing() throws {
    let sparse = try BatchWorld(users: 5, shards: 16, seed: 4)
    let source = try UniversalBatches(
      sparse.dataset, shards: 0..<16, batch: BatchRule(users: 64) { $0 }, length: 5, window: .latest, seed: 1)
    let able = sparse.everyUser.filter { sparse.events($0).trainCount >= 2 }
    #expect(able.count >= 2)
    // A batch beyond the data is all of it, once.
    let content = BatchContent.of(source, step: 7)
    #expect(content.sequences.count == able.count && source.order.stepsPerEpoch == 1)
    let keys = content.sequences.flatMap(\.rowKeys)
    #expect(Set(keys).count == keys.count)
  }
}
