package import Collectives
package import Datasets
import Files
package import Model
package import Tensors
package import Texts

/// Fits how a trained phase and the text of items are blended, on validation events: no parameter of the model moves.
///
/// Ours; docs/model.md, section 7. Every blend of a fixed grid ranks the same users against all trained items, in one pass: scores of
/// the model and of texts are formed once, and each blend is a sum of the two. `BlendCells` chooses by the metric that checkpoints are
/// chosen by. Users are every k-th of a virtual shard and sums go by shard, so the number of ranks does not show.
package struct BlendFit {
  /// What is fitted, and how well it and the model alone do on the users of the fit.
  package struct Result: Sendable, CustomStringConvertible {
    /// The best blend.
    package let blend: Blend
    /// The metric's mean under it.
    package let score: Double
    /// The metric's mean of the model alone.
    let scoreWithout: Double
    /// Users that were ranked for.
    package let users: Int
    /// The metric.
    package let metric: String
    /// Whether rarely trained items were to be brought up, and stay as they are, because their scores spread no less.
    package var isLeftUntempered = false

    /// What was gained, in a sentence.
    package var description: String {
      func text(_ value: Double) -> String { HumanFormat.decimal(value, 4) }
      return
        "scores blended with text; validation \(metric) \(text(scoreWithout)) -> \(text(score)) on \(HumanFormat.count(users, "user"))"
        + (isLeftUntempered ? "; cold_start.tail_temper has no effect: scores of rare items spread no less than others" : "")
    }
  }

  /// How far items without a training event are brought up.
  package enum ColdStart: Sendable {
    /// To the spread of items with so many events.
    case pseudoCount(Double)
    /// As far as costs this share of the metric, at most.
    case cost(Double)
  }

  /// What stands for a cost where the catalogue has no item to measure it by: new ones may come with an export.
  private static let usualPseudoCount = 20.0
  /// Users to fit on, at most; fewer when the catalogue is large, so that the work stays bounded.
  static let users = (least: 1024, most: 8192, products: 4_000_000_000)

  private let dataset: Dataset
  private let shards: Range<Int>
  private let communicator: any Communicator
  private let vectors: TextVectors
  private let metric: String
  private let gain: RankGain
  private let catalogueBytes: Int

  /// Prepares a fit on the virtual shards that this rank owns.
  ///
  /// - Parameters:
  ///   - metric: what blends are chosen by: `ndcg@k`, `recall@k` or `mrr`.
  ///   - catalogueBytes: the most bytes of item embeddings that this rank may hold.
  package init(
    _ dataset: Dataset, shards: Range<Int>, vectors: TextVectors, metric: String, communicator: any Communicator,
    catalogueBytes: Int = Catalogue.defaultBytes
  ) {
    self.dataset = dataset
    self.shards = shards
    self.communicator = communicator
    self.vectors = vectors
    self.catalogueBytes = catalogueBytes
    self.metric = metric
    gain = RankGain(metric)
  }

  /// Fits the blend of a model; collective, and the same on every rank.
  ///
  /// - Parameters:
  ///   - task: whom it is fitted on, and how items are ranked; its split is validation.
  ///   - coldStart: what becomes of items without a training event.
  ///   - tailTemper: how far rarely trained items are brought up, 0 to 1.
  ///   - logitScale: what scores were multiplied by in training.
  ///   - shouldStop: asked between two rounds of users; throws, on every rank in the same round, when the fit is to end.
  /// - Returns: nil when there is nobody to fit on, or the model's scores are not finite.
  package func fit(
    _ model: PreciseModel, _ task: EvaluationTask, coldStart: ColdStart, tailTemper: Double = 0, logitScale: Double,
    workspace: Workspace,
    shouldStop: @escaping () throws -> Void = {}
  ) throws -> Result? {
    let rounds = BlendUsers(
      dataset, shards: shards, task: task, every: try stride(task), communicator: communicator, shouldStop: shouldStop)
    guard
      let found = try weights(model, rounds, coldStart, tailTemper: tailTemper, logitScale: logitScale, workspace: workspace)
    else { return nil }
    var blend = found.choice.blend
    switch coldStart {
    case .pseudoCount: blend.unseenScale = found.scale
    case .cost(let cost):
      blend.unseenScale =
        try highestScale(model, blend, rounds, found.ranks, cost: cost, workspace: workspace) ?? found.scale
    }
    if let temper = found.temper {
      // What had no event goes on standing beside the rarest.
      blend.unseenScale *= Double(temper.scale(events: 1))
      blend.tailTemper = temper
    }
    // A model whose numbers are none has no edges of cells.
    guard blend.isPlausible else { return nil }
    return Result(
      blend: blend, score: found.choice.score, scoreWithout: found.choice.scoreWithout, users: found.choice.users, metric: metric,
      isLeftUntempered: tailTemper > 0 && found.temper == nil)
  }

  /// What is found by the model's own embeddings of items, which need not be kept beside those of the blend.
  private struct Weights {
    let choice: BlendCells.Choice
    /// Each user's shard, and the rank of the target under the chosen blend.
    let ranks: [(shard: Int, rank: Int)]
    let temper: Blend.Temper?
    /// The scale of items without a training event by the spread of others.
    let scale: Double
  }

  /// Weighs text against the model; nil when there is nobody to fit on.
  private func weights(
    _ model: PreciseModel, _ rounds: BlendUsers, _ coldStart: ColdStart, tailTemper: Double, logitScale: Double,
    workspace: Workspace
  ) throws -> Weights? {
    let catalogue = try Catalogue(
      model, trainCounts: dataset.items.trainCounts, communicator: communicator, workspace: workspace, bytes: catalogueBytes)
    let grid = BlendGrid(logitScale: Float(logitScale))
    let embedder = UserEmbedder(model, catalogue)
    var rows: [BlendCells.Row] = []
    var first: [Float] = []
    try rounds.forEach { evaluated in
      try workspace.scope {
        let round = BlendRound(evaluated, embedder: embedder, vectors: vectors, grid: grid, workspace: workspace)
        try round.embed(workspace)
        try round.count(catalogue, workspace)
        if first.count < BlendSpread.users * catalogue.width { first += round.users.buffer }
        rows += round.rows(catalogue, workspace)
      }
    }
    guard let choice = try BlendCells(grid, gain, communicator).choose(rows, shards: shards.count) else { return nil }
    let spread = try BlendSpread(catalogue, first, communicator)
    let pseudoCount = if case .pseudoCount(let count) = coldStart { count } else { Self.usualPseudoCount }
    return Weights(
      choice: choice,
      ranks: rows.map { row in
        let cell = choice.blend.cell(confidence: row.confidence, likeness: row.likeness)
        return (row.shard, Int(row.ranks[choice.indices[cell]]))
      },
      temper: try spread.temper(tailTemper, trainCounts: dataset.items.trainCounts, workspace: workspace),
      scale: try spread.scale(
        trainCounts: dataset.items.trainCounts, pseudoCount: pseudoCount, vectors: vectors, workspace: workspace))
  }

  /// How far items without a training event come up under a blend that has no scale of theirs yet.
  private func highestScale(
    _ model: PreciseModel, _ blend: Blend, _ rounds: BlendUsers, _ ranks: [(shard: Int, rank: Int)], cost: Double,
    workspace: Workspace
  ) throws -> Double? {
    let catalogue = try Catalogue(
      model, trainCounts: dataset.items.trainCounts, text: TextBlend(vectors, blend), communicator: communicator,
      workspace: workspace, bytes: catalogueBytes)
    return try BlendColdScale(UserEmbedder(model, catalogue), catalogue, gain, communicator)
      .highest(rounds, ranks, shards: shards.count, cost: cost, workspace: workspace)
  }

  /// Every how many evaluated users one is taken.
  private func stride(_ task: EvaluationTask) throws -> Int {
    var evaluated = 0
    for shard in shards {
      let users = try dataset.shard(shard)
      for user in 0..<users.userCount where task.heldOut(users.events(user)) != nil { evaluated += 1 }
    }
    return Self.stride(users: try communicator.gatherCounts(evaluated).reduce(0, +), items: dataset.items.count)
  }

  private static func stride(users: Int, items: Int) -> Int {
    let wanted = min(Self.users.most, max(Self.users.least, Self.users.products / max(items, 1)))
    return max(1, (users + wanted - 1) / wanted)
  }

  /// About how many of the evaluated users a fit takes.
  package static func fitted(of evaluated: Int, items: Int) -> Int {
    let stride = stride(users: evaluated, items: items)
    return (evaluated + stride - 1) / stride
  }
}
