import Preparation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// A made-up data set in which every event has an item of its own, so that a batch's item numbers tell which events it shows.
final class BatchWorld {
  /// Where an event stands.
  struct StepPosition: Hashable {
    var shard: Int
    var user: Int
    var event: Int
  }

  let dataset: Dataset
  let shards: [UserShard]
  private let folder: TemporaryFolder
  private var indices: [Int32: StepPosition] = [:]

  /// `users` users of 1 to 14 events each over three scenes and three behaviors; with `items`, of so many items that they share.
  init(users: Int = 40, shards: Int = 6, seed: UInt64 = 1, items: Int? = nil) throws {
    folder = try TemporaryFolder()
    var random = SplitMix(state: seed)
    var builder = DatasetBuilder()
    builder.options.virtualShards = shards
    for user in 0..<users {
      for event in 0..<Int.random(in: 1...14, using: &random) {
        builder.addEvent(
          user: "u\(user)", item: items.map { "i\(Int.random(in: 0..<$0, using: &random))" } ?? "u\(user) e\(event)",
          seconds: event, scene: "s\(Int.random(in: 0..<3, using: &random))",
          behavior: "b\(Int.random(in: 0..<3, using: &random))")
      }
    }
    dataset = try builder.write(to: folder.file("d"))
    let dataset = dataset
    self.shards = try (0..<shards).map { try dataset.shard($0) }
    for (number, shard) in self.shards.enumerated() {
      for user in 0..<shard.userCount {
        for (event, item) in shard.events(user).items.enumerated() {
          indices[item] = StepPosition(shard: number, user: user, event: event)
        }
      }
    }
  }

  /// Batches of so many users by the ranks whose shards these are; `takesPart` says who counts in the other ranks' shards.
  func batch(_ users: Int, shards own: Range<Int>, takesPart: @escaping (UserEvents) -> Bool) -> BatchRule {
    BatchRule(users: users) { sizes in
      let all = self.shards.map { shard in (0..<shard.userCount).count { takesPart(shard.events($0)) } }
      #expect(Array(all[own]) == sizes)
      return all
    }
  }

  /// The event that an item number stands for.
  func index(_ item: Int32) throws -> StepPosition { try #require(indices[item]) }

  /// The events of a user.
  func events(_ index: StepPosition) -> UserEvents { shards[index.shard].events(index.user) }

  /// The shards of each of `ranks` ranks, as training divides them.
  func divisions(_ ranks: Int) -> [Range<Int>] {
    (0..<ranks).map { (shards.count * $0 / ranks)..<(shards.count * ($0 + 1) / ranks) }
  }

  /// All users of all shards, each as the place of its first event.
  var everyUser: [StepPosition] {
    shards.enumerated().flatMap { shard in
      (0..<shard.element.userCount).map { StepPosition(shard: shard.offset, user: $0, event: 0) }
    }
  }
}

/// SplitMix64, so that made-up data is the same on every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

/// A copy of everything in a batch, to compare.
struct BatchContent: Equatable {
  /// A user's sequence: its items and, position for position, what else a batch says of them.
  struct Sequence: Equatable {
    var items: [Int32]
    var scenes: [Int32]
    var behaviors: [Int32]
    var rowKeys: [UInt64]
    var times: [Int64]
    var requestTime: Int64
  }

  var sequences: [Sequence] = []
  var targets: [Int32] = []

  init(_ batch: SequenceBatch) {
    for user in 0..<batch.users {
      let range = Int(batch.starts[user])..<Int(batch.starts[user + 1])
      sequences.append(
        Sequence(
          items: Array(batch.items.values[range]), scenes: Array(batch.scenes.values[range]),
          behaviors: Array(batch.behaviors.values[range]), rowKeys: Array(batch.rowKeys.values[range]),
          times: Array(batch.times.values[range]), requestTime: batch.requestTimes[user]))
    }
    targets = Array(batch.targets.values)
  }

  /// Puts the next rank's slice behind this one.
  mutating func append(_ other: BatchContent) {
    sequences += other.sequences
    targets += other.targets
  }

  static func of(_ source: any BatchSource, step: Int) -> BatchContent {
    let batch = SequenceBatch()
    source.fill(batch, step: step)
    return BatchContent(batch)
  }
}

/// Whether a step's batch is the same whatever the division of shards over ranks.
func expectSameBatches(_ world: BatchWorld, steps: Int, make: (Range<Int>) throws -> any BatchSource) throws {
  let whole = try make(0..<world.shards.count)
  for ranks in [2, 3, 5, world.shards.count, world.shards.count + 1] {
    let parts = try world.divisions(ranks).map(make)
    #expect(parts.allSatisfy { $0.order.users == whole.order.users })
    for step in 0..<steps {
      var joined = BatchContent.of(parts[0], step: step)
      for part in parts.dropFirst() { joined.append(.of(part, step: step)) }
      let expected = BatchContent.of(whole, step: step)
      #expect(joined == expected, "\(ranks) ranks, step \(step)")
      #expect(!expected.targets.isEmpty)
      #expect(expected.sequences.count == whole.order.users(of: step))
      #expect(parts.flatMap { $0.userIDs(step: step) } == whole.userIDs(step: step))
      let keys = expected.sequences.flatMap(\.rowKeys)
      #expect(Set(keys).count == keys.count)
    }
  }
  // A step is a function of its number alone: not of what was filled before.
  let again = try make(0..<world.shards.count)
  #expect(BatchContent.of(again, step: steps - 1) == .of(whole, step: steps - 1))
  #expect(BatchContent.of(again, step: 0) == .of(whole, step: 0))
}

/// Whether epochs are single passes over `users` users, by every division of the shards over ranks: counts every user of every epoch.
func expectOnePass(_ world: BatchWorld, users: [String], make: (Range<Int>) throws -> any BatchSource) throws {
  for ranks in [1, 2, 3, 7] {
    let parts = try world.divisions(ranks).map(make)
    let steps = parts[0].order.stepsPerEpoch
    for epoch in 0..<3 {
      let met = (epoch * steps..<(epoch + 1) * steps).flatMap { step in parts.flatMap { $0.userIDs(step: step) } }
      #expect(met.sorted() == users.sorted(), "\(ranks) ranks, epoch \(epoch)")
    }
  }
}
