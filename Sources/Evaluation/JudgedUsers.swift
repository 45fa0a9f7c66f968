import Batches
public import Datasets

/// The users that a task judges, shard by shard in fixed blocks: the same products are formed whoever forms them.
public struct JudgedUsers {
  /// Users of one block, at most.
  ///
  /// Their positions fill the transformer's products, and the activations stay below those of a training step.
  static let blockUsers = 64

  /// Some users of one virtual shard, each with the place of its held-out event.
  struct Block {
    let shard: UserShard
    /// The shard's place in the rank's run.
    let place: Int
    var users: [(user: Int, event: Int)]
  }

  /// The judged users of one virtual shard, each with the place of its held-out event.
  public static func users(of shard: UserShard, _ task: EvaluationTask) -> [(user: Int, event: Int)] {
    (0..<shard.userCount).compactMap { user in event(of: shard.events(user), task).map { (user, $0) } }
  }

  /// The place of the held-out event that a user is judged by; nil when it is not judged.
  private static func event(of events: UserEvents, _ task: EvaluationTask) -> Int? {
    guard let event = task.split == .test ? events.test : events.validation, task.judged.matches(events, event) else {
      return nil
    }
    return event
  }

  /// Walks through the shards of a rank.
  init(_ dataset: Dataset, shards: Range<Int>, task: EvaluationTask) {
    self.dataset = dataset
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
    while place < shards.count {
      let shard = try dataset.shard(shards.lowerBound + place)
      var block = Block(shard: shard, place: place, users: [])
      while user < shard.userCount && block.users.count < Self.blockUsers {
        if let event = Self.event(of: shard.events(user), task) { block.users.append((user, event)) }
        user += 1
      }
      if !block.users.isEmpty { return block }
      place += 1
      user = 0
    }
    return nil
  }

  private let dataset: Dataset
  private let shards: Range<Int>
  private let task: EvaluationTask
  private var place = 0
  private var user = 0
}
