import Foundation
import Tensors

/// A rank's users of a phase and the order in which steps take them: what every phase's batches have in common.
///
/// A shard's users follow each other by a seeded permutation an epoch, computed, not stored, so a batch is a function of (seed, phase,
/// step) alone: not of ranks, not of what came before. docs/distributed.md, "Users".
struct ShardWalks {
  /// One shard and its users that take part.
  private struct Part {
    let number: Int
    let shard: UserShard
    let users: [Int32]
  }

  /// Which places of the permutations a step takes.
  let order: EpochOrder
  private let parts: [Part]
  private let permutations: RandomStream

  /// - Parameters:
  ///   - name: the phase's name, part of the random key.
  ///   - rule: says who takes part.
  init(
    _ dataset: Dataset, shards: Range<Int>, batch: BatchRule, name: String, seed: UInt64, rule: some ShowingRule
  ) throws {
    let stream = RandomStream(seed: seed, purpose: .permutation, step: RandomStream.hash(name))
    permutations = stream
    let parts = try shards.map { number in
      let shard = try dataset.shard(number)
      let able = (0..<shard.userCount).filter { rule.choices(shard.events($0)) > 0 }
      return Part(number: number, shard: shard, users: able.map(Int32.init))
    }
    self.parts = parts
    let sizes = try batch.gather(parts.map(\.users.count))
    precondition(sizes.count == dataset.shardCount, "sizes of \(sizes.count) of \(dataset.shardCount) virtual shards")
    order = EpochOrder(sizes: sizes, batch: batch.users, fewest: batch.fewest, stream: stream)
  }

  /// Refills a batch: `append` gets each user's events, the row that names the user in a random stream, the epoch, and the user's
  /// slot in the whole job's batch.
  func fill(_ batch: SequenceBatch, step: Int, append: (_ events: UserEvents, _ row: UInt64, _ epoch: Int, _ slot: Int) -> Void) {
    batch.removeAll()
    let epoch = order.epoch(of: step)
    forEachUser(of: step) { part, user, slot in
      append(part.shard.events(user), EpochOrder.row(part.number, user), epoch, slot)
    }
  }

  /// The ids of a step's users, in the order in which `fill` takes them.
  func userIDs(step: Int) -> [String] {
    var ids: [String] = []
    forEachUser(of: step) { part, user, _ in ids.append(part.shard.id(user)) }
    return ids
  }

  private func forEachUser(of step: Int, _ body: (_ part: Part, _ user: Int, _ slot: Int) -> Void) {
    let epoch = order.epoch(of: step)
    for part in parts where !part.users.isEmpty {
      let permutation = KeyedPermutation(
        count: part.users.count, stream: permutations, row: EpochOrder.row(part.number, epoch))
      var slot = order.slots(of: part.number..<part.number, step: step).lowerBound
      for index in order.indices(of: part.number, step: step) {
        body(part, Int(part.users[permutation[index]]), slot)
        slot += 1
      }
    }
  }

  // MARK: What is shown

  /// Counts, in `counts[item]`, how often an epoch is expected to show each item.
  func countEvents(_ rule: some ShowingRule, into counts: UnsafeMutableBufferPointer<Double>) {
    forEachItem(rule) { times, _ in
      Double(times)
    } body: {
      counts[$0] += $1
    }
  }

  /// Adds to `misses[item]` the log of the chance that no draw from these users' part of a step is the item.
  ///
  /// A user is in one step of an epoch's n, so that an item is missed with the chance 1 − (its chance to be drawn from the user) / n,
  /// one user like the other. Ours: users are taken to come independently of each other.
  func addMisses(_ rule: some ShowingRule, of sampler: NegativeSampler, into misses: UnsafeMutableBufferPointer<Double>) {
    let steps = Double(order.stepsPerEpoch)
    var chances = sampler.chancesFromUser(users: Double(order.users) / steps)
    forEachItem(rule) {
      chances.drawn($0, of: $1)
    } body: {
      misses[$0] += log1p(-min($1 / steps, 1))
    }
  }

  /// Calls `body` for each user with each item that a step may show of it, and the mean of `value` over the ways to show the user.
  ///
  /// - Parameter value: of an item that is `times` of the `shown` events.
  private func forEachItem(
    _ rule: some ShowingRule, value: (_ times: Int, _ shown: Int) -> Double, body: (_ item: Int, _ mean: Double) -> Void
  ) {
    var counter = ItemCounter()
    for part in parts {
      for user in part.users {
        let events = part.shard.events(Int(user))
        counter.begin(events, from: rule.firstShown(events))
        rule.forEachShowing(events) { counter.add($0, of: events, value) }
        counter.end(body)
      }
    }
  }
}

/// How many users a step takes, and what all ranks' shards have.
package struct BatchRule {
  /// B, the users of a step; fewer where fewer take part.
  package let users: Int
  /// The users that a step needs, where there are so many.
  package let fewest: Int
  /// Makes the sizes of all virtual shards out of those of this rank's; collective.
  package let gather: ([Int]) throws -> [Int]

  /// Describes a batch.
  package init(users: Int, fewest: Int = 1, gather: @escaping ([Int]) throws -> [Int]) {
    self.users = users
    self.fewest = fewest
    self.gather = gather
  }
}
