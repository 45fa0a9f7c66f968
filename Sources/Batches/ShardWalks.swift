import Datasets
import Tensors

/// The walks of a rank through its virtual shards: what every phase's batches have in common.
struct ShardWalks {
  /// One shard's users with their walk.
  private let parts: [(walk: ShardWalk, shard: UserShard)]
  private let usersPerShard: Int
  private let permutations: RandomStream

  /// - Parameters:
  ///   - name: the phase's name, part of the random key.
  ///   - takesPart: whether a user has something to learn from.
  init(
    _ dataset: Dataset, shards: Range<Int>, usersPerShard: Int, name: String, seed: UInt64, takesPart: (UserEvents) -> Bool
  ) throws {
    self.usersPerShard = usersPerShard
    permutations = RandomStream(seed: seed, purpose: .permutation, step: RandomStream.hash(name))
    parts = try shards.map { number in
      let shard = try dataset.shard(number)
      let able = (0..<shard.userCount).filter { takesPart(shard.events($0)) }
      return (ShardWalk(shard: number, users: able.map(Int32.init)), shard)
    }
  }

  /// Users that take part.
  var users: Int { parts.reduce(0) { $0 + $1.walk.users.count } }

  /// Refills a batch: `append` gets each user's events, the row that names the user in a random stream, the epoch of the
  /// shard's walk, and the user's slot in the whole job's batch.
  func fill(_ batch: SequenceBatch, step: Int, append: (_ events: UserEvents, _ row: UInt64, _ epoch: Int, _ slot: Int) -> Void) {
    batch.removeAll()
    for (walk, shard) in parts {
      for index in 0..<usersPerShard {
        guard let (user, epoch) = walk.user(at: step * usersPerShard + index, stream: permutations) else { continue }
        append(shard.events(user), ShardWalk.row(walk.shard, user), epoch, walk.shard * usersPerShard + index)
      }
      batch.endShard()
    }
  }

  /// The ids of a step's users, in the order in which `fill` takes them.
  func userIDs(step: Int) -> [String] {
    parts.flatMap { walk, shard in
      (0..<usersPerShard).compactMap { index in
        walk.user(at: step * usersPerShard + index, stream: permutations).map { shard.id($0.user) }
      }
    }
  }

  /// Calls `body` with the events of every user that takes part.
  func forEachUser(_ body: (UserEvents) -> Void) {
    for (walk, shard) in parts {
      for user in walk.users { body(shard.events(Int(user))) }
    }
  }
}
