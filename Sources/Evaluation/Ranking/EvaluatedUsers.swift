package import Datasets

/// The users that a task evaluates, shard by shard in fixed blocks: the same products are formed whoever forms them.
package struct EvaluatedUsers {
  /// Users of one block, at most.
  ///
  /// Their positions fill the transformer's products, and the activations stay below those of a training step.
  package static let blockUsers = 64

  /// Some users of one virtual shard, each with the place of its held-out event.
  struct Block {
    let shard: UserShard
    /// The shard's place in the rank's run.
    let index: Int
    var users: [(user: Int, event: Int)]
  }

  private let dataset: Dataset
  private let shards: Range<Int>
  private let task: EvaluationTask
  private let every: Int
  private var index = 0
  /// Evaluated users of the shard so far.
  private var evaluated = 0
  private var user = 0

  /// The evaluated users of one virtual shard, each with the place of its held-out event.
  package static func users(of shard: UserShard, _ task: EvaluationTask) -> [(user: Int, event: Int)] {
    (0..<shard.userCount).compactMap { user in task.heldOut(shard.events(user)).map { (user, $0) } }
  }

  /// Walks through the shards of a rank.
  ///
  /// - Parameter every: takes the first of so many evaluated users of a shard, then the first of as many more.
  init(_ dataset: Dataset, shards: Range<Int>, task: EvaluationTask, every: Int = 1) {
    self.dataset = dataset
    self.every = every
    self.shards = shards
    self.task = task
  }

  /// The next blocks, `count` at most; none at the end.
  ///
  /// Throws `InputError` when a shard is damaged.
  mutating func next(_ count: Int) throws -> [Block] {
    var blocks: [Block] = []
    while blocks.count < count, let block = try next() { blocks.append(block) }
    return blocks
  }

  private mutating func next() throws -> Block? {
    while index < shards.count {
      let shard = try dataset.shard(shards.lowerBound + index)
      var block = Block(shard: shard, index: index, users: [])
      while user < shard.userCount && block.users.count < Self.blockUsers {
        if let event = task.heldOut(shard.events(user)) {
          if evaluated % every == 0 { block.users.append((user, event)) }
          evaluated += 1
        }
        user += 1
      }
      if !block.users.isEmpty { return block }
      index += 1
      (user, evaluated) = (0, 0)
    }
    return nil
  }
}
