import Collectives
import Datasets
import Foundation
import Model

/// The blends that a fit tries: every strength with every decay and every repeat weight, the same for every model and data set.
///
/// Weights are in nats, as logits are: a model trained by a softmax has a scale of its own that does not depend on the data's.
struct BlendGrid {
  /// Weights of the newest event's text; 0 is the model alone.
  static let strengths: [Float] = [0, 0.5, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 48]
  /// What is left of a weight an event later.
  static let decays: [Double] = [0, 0.3, 0.6]

  /// What the newest item itself gains.
  static let repeats: [Float] = [0, -4, -8, -16]

  /// Divides weights: scores are taken without `logit_scale`.
  let logitScale: Float

  /// The number of blends of a repeat weight.
  static let pairs = strengths.count * decays.count
  /// The number of blends: all pairs of the first repeat weight, then of the second, and so on.
  var count: Int { Self.pairs * Self.repeats.count }

  /// The strengths at a model's scale of scores.
  var strengths: [Float] { Self.strengths.map { $0 / logitScale } }

  /// The repeat weights at a model's scale of scores.
  var repeats: [Float] { Self.repeats.map { $0 / logitScale } }

  /// The weights of a place, decay after decay.
  func weights(_ index: Int) -> Blend.Weights {
    let pair = index % Self.pairs
    return Blend.Weights(
      strength: Double(strengths[pair % Self.strengths.count]), decay: Self.decays[pair / Self.strengths.count])
  }
}

/// The metric that blends are chosen by, of one rank: `ndcg@k`, `recall@k` or `mrr`.
struct RankGain {
  private let cutoff: Int?
  private let isRecall: Bool

  /// Reads a metric's name, as `evaluation.select_by` has it.
  init(_ metric: String) {
    cutoff = metric.split(separator: "@").dropFirst().first.flatMap { Int($0) }
    isRecall = metric.hasPrefix("recall")
  }

  /// What a rank, from 1, brings.
  func of(_ rank: Int) -> Double {
    guard let cutoff else { return 1 / Double(rank) }
    guard rank <= cutoff else { return 0 }
    return isRecall ? 1 : 1 / log2(Double(rank) + 1)
  }
}

/// The users of a fit, walked through in rounds as often as it takes, in the same order each time.
struct BlendUsers {
  private let dataset: Dataset
  private let shards: Range<Int>
  private let task: EvaluationTask
  private let every: Int
  private let communicator: any Communicator
  private let shouldStop: () throws -> Void

  /// - Parameters:
  ///   - every: takes one of so many evaluated users of a shard.
  ///   - shouldStop: asked before each round; throws on every rank in the same round.
  init(
    _ dataset: Dataset, shards: Range<Int>, task: EvaluationTask, every: Int, communicator: any Communicator,
    shouldStop: @escaping () throws -> Void
  ) {
    (self.dataset, self.shards, self.task, self.every) = (dataset, shards, task, every)
    (self.communicator, self.shouldStop) = (communicator, shouldStop)
  }

  /// Hands out round after round; collective: as many on every rank.
  func forEach(_ body: (EvaluationRound) throws -> Void) throws {
    var walk = EvaluatedUsers(dataset, shards: shards, task: task, every: every)
    while true {
      let blocks = try walk.next(8)
      let most = try communicator.gatherCounts(blocks.count).max() ?? 0
      guard most > 0 else { return }
      try shouldStop()
      try body(EvaluationRound(blocks, most: most, task: task))
    }
  }
}
