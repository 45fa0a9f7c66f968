import Datasets
import Tensors

/// The order in which a phase meets the users of one virtual shard: a seeded permutation an epoch, computed, not stored.
///
/// A place in the walk is one number, so a batch is a function of (seed, phase, step) alone: not of ranks, not of what came
/// before. docs/distributed.md, "Users".
struct ShardWalk {
  /// The shard's number in the data set.
  let shard: Int
  /// The users that take part.
  let users: [Int32]

  /// The `place`-th user of the walk: its number in the shard and the epoch of the shard.
  func user(at place: Int, stream: RandomStream) -> (user: Int, epoch: Int)? {
    guard !users.isEmpty else { return nil }
    let epoch = place / users.count
    let order = KeyedPermutation(count: users.count, stream: stream, row: Self.row(shard, epoch))
    return (Int(users[order[place % users.count]]), epoch)
  }

  /// The number that names a shard and an epoch (or a user) in a random stream.
  static func row(_ shard: Int, _ number: Int) -> UInt64 { UInt64(shard) << 32 | UInt64(number) }
}
