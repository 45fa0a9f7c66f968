import Collectives
import Datasets

/// The users of a fit, walked through in rounds as often as it takes, in the same order each time.
struct BlendUsers {
  private let dataset: Dataset
  private let shards: Range<Int>
  private let task: EvaluationTask
  private let every: Int
  private let communicator: any Communicator
  private let shouldStop: () throws -> Void

  /// - Parameters:
  ///   - every: takes one of so many judged users of a shard.
  ///   - shouldStop: asked before each round; throws on every rank in the same round.
  init(
    _ dataset: Dataset, shards: Range<Int>, task: EvaluationTask, every: Int, communicator: any Communicator,
    shouldStop: @escaping () throws -> Void
  ) {
    (self.dataset, self.shards, self.task, self.every) = (dataset, shards, task, every)
    (self.communicator, self.shouldStop) = (communicator, shouldStop)
  }

  /// Hands out round after round; collective: as many on every rank.
  func forEach(_ body: (JudgedRound) throws -> Void) throws {
    var walk = JudgedUsers(dataset, shards: shards, task: task, every: every)
    while true {
      let blocks = try walk.next(8)
      let most = try communicator.gatherCounts(blocks.count).max() ?? 0
      guard most > 0 else { return }
      try shouldStop()
      try body(JudgedRound(blocks, most: most, task: task))
    }
  }
}
