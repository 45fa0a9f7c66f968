package import Tensors

/// Which users of each virtual shard a step takes: an epoch is one pass, every user that takes part exactly once.
///
/// docs/distributed.md, "Users".
///
/// User i of the c users of a shard, by the shard's permutation, has the key
///
///     ⌊(i · 2³² + r) / c⌋      r drawn from 0 ..< 2³², for each epoch and shard
///
/// An epoch's B_e users follow each other by (key, shard); of its Z steps, step t takes those from ⌊t B_e / Z⌋ to ⌊(t + 1) B_e / Z⌋. All of it is
/// whole numbers, so that rounding neither loses a user nor takes one twice, and follows from the shards' sizes: every rank knows
/// every other rank's slice without asking. What a step costs grows with the number of shards, not of users, and takes no memory.
package final class EpochOrder {
  /// The rule's number, for checkpoints: a phase that goes on by another rule takes other users.
  package static let rule = 1

  /// B_e, the users that take part, of all virtual shards.
  package let users: Int
  /// Z: as few steps as hold at most the batch's users each.
  package let stepsPerEpoch: Int
  private let sizes: [Int]
  private let stream: RandomStream
  /// r of each shard, in the epoch `drawn`.
  private var offsets: [Int]
  private var drawn = -1
  /// Of each shard, in the step `prepared`: its first user's place in the permutation, and in the whole batch.
  private var firsts: [Int]
  private var slots: [Int]
  private var prepared = -1

  /// - Parameters:
  ///   - sizes: the users of each virtual shard that take part, below 2³¹ each.
  ///   - batch: B, the users of a step, which are never more than there are.
  ///   - fewest: the users that a step needs; where B_e is no multiple, a step of B + 1 is better than one of fewer.
  ///   - stream: draws r; permutations share it.
  package init(sizes: [Int], batch: Int, fewest: Int = 1, stream: RandomStream) {
    precondition(batch > 0 && sizes.allSatisfy { (0..<1 << 31).contains($0) }, "batches of \(batch) of \(sizes)")
    self.sizes = sizes
    self.stream = stream
    users = sizes.reduce(0, +)
    stepsPerEpoch = Self.steps(users: users, batch: batch, fewest: fewest)
    offsets = [Int](repeating: 0, count: sizes.count)
    firsts = offsets
    slots = [Int](repeating: 0, count: sizes.count + 1)
  }

  /// The most users that a step takes.
  package var largest: Int { (users + stepsPerEpoch - 1) / stepsPerEpoch }

  /// The most users that a step of another batch would take.
  package func largest(batch: Int, fewest: Int) -> Int {
    let steps = stepsPerEpoch(batch: batch, fewest: fewest)
    return (users + steps - 1) / steps
  }

  /// The steps that an epoch would have with another batch.
  package func stepsPerEpoch(batch: Int, fewest: Int) -> Int {
    Self.steps(users: users, batch: batch, fewest: fewest)
  }

  private static func steps(users: Int, batch: Int, fewest: Int) -> Int {
    max(1, min((users + batch - 1) / batch, users / fewest))
  }

  /// The number of users that a step takes of all shards together.
  package func users(of step: Int) -> Int { slots(of: 0..<sizes.count, step: step).count }

  /// The places of some shards' users in the whole job's batch, in which virtual shards follow each other.
  package func slots(of shards: Range<Int>, step: Int) -> Range<Int> {
    prepare(step)
    return slots[shards.lowerBound]..<slots[shards.upperBound]
  }

  /// The epoch, from 0, that a step belongs to.
  func epoch(of step: Int) -> Int { step / stepsPerEpoch }

  /// Which users a step takes of a shard: places in the shard's permutation of that epoch.
  func indices(of shard: Int, step: Int) -> Range<Int> {
    prepare(step)
    return firsts[shard]..<firsts[shard] + slots[shard + 1] - slots[shard]
  }

  /// The row of a random stream that names a shard and an epoch, or a shard and a user.
  static func row(_ shard: Int, _ number: Int) -> UInt64 { UInt64(shard) << 32 | UInt64(number) }

  /// Works a step's shares out, unless it was the last one asked for.
  private func prepare(_ step: Int) {
    guard step != prepared else { return }
    precondition(step >= 0, "step \(step)")
    let (epoch, number) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    if epoch != drawn {
      for shard in sizes.indices { offsets[shard] = stream.below(1 << 32, row: Self.row(shard, epoch), column: 1) }
      drawn = epoch
    }
    var (begin, end) = (cut(before: start(of: number)), cut(before: start(of: number + 1)))
    var slot = 0
    for shard in sizes.indices {
      let (first, last) = (take(shard, &begin), take(shard, &end))
      (firsts[shard], slots[shard]) = (first, slot)
      slot += last - first
    }
    slots[sizes.count] = slot
    prepared = step
  }

  /// ⌊t B_e / Z⌋, for products of any size.
  private func start(of number: Int) -> Int {
    Int(UInt(stepsPerEpoch).dividingFullWidth(UInt(number).multipliedFullWidth(by: UInt(users))).quotient)
  }

  /// A place in the epoch: behind all users whose keys are below `key`, and behind the first `rest` of those with that key.
  private struct Cut {
    var key: Int
    var rest: Int
  }

  /// The cut that has `count` users before it: the largest key with at most so many users below it.
  private func cut(before count: Int) -> Cut {
    if count == users { return Cut(key: 1 << 32, rest: 0) }
    var (low, high) = (0, 1 << 32)
    while low < high {
      let middle = (low + high + 1) / 2
      if below(middle) <= count { low = middle } else { high = middle - 1 }
    }
    return Cut(key: low, rest: count - below(low))
  }

  private func below(_ key: Int) -> Int {
    var count = 0
    for shard in sizes.indices { count += below(key, shard) }
    return count
  }

  /// How many users of a shard have keys below `key`: those with k · 2³² + r < key · m.
  private func below(_ key: Int, _ shard: Int) -> Int { ((key * sizes[shard] - offsets[shard] - 1) >> 32) + 1 }

  /// How many users of a shard stand before a cut.
  ///
  /// Shards are asked in order. Keys of one shard are two or more apart, so that it has at most one user with the cut's key.
  private func take(_ shard: Int, _ cut: inout Cut) -> Int {
    let count = below(cut.key, shard)
    guard cut.rest > 0, below(cut.key + 1, shard) > count else { return count }
    cut.rest -= 1
    return count + 1
  }
}
