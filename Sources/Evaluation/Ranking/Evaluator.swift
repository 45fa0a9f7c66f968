package import Collectives
package import Datasets
package import Model
package import Tensors

/// Full-ranking evaluation of a model over a data set's held-out events, on any number of ranks.
///
/// docs/model.md, section 6.
///
/// The metrics are equal to the last digit whatever the number of ranks: users go through in fixed blocks of their virtual shard, an
/// item's embedding and a score are functions of the item and of the two alone, and every rank adds up all shards' sums in shard
/// order. Users are taken in rounds: all of a round are embedded, then the catalogue is walked through once.
package final class Evaluator {
  /// The items of a user that coverage and novelty are about.
  private static let firstItems = 10
  private let dataset: Dataset
  private let shards: Range<Int>
  private let cutoffs: [Int]
  private let communicator: any Communicator
  private let text: TextBlend?
  private let catalogueBytes: Int
  private let screens: Bool?
  private let trainCounts: UnsafeBufferPointer<UInt32>
  private let order: PopularityOrder
  private let buckets: PopularityBuckets

  /// Makes an evaluator over the virtual shards that this rank owns; ranks own runs in rank order.
  ///
  /// - Parameters:
  ///   - text: what text adds to every score; nil evaluates the model alone.
  ///   - trainCounts: training events of each item as the model was trained, nil = as the data set counts them; must stay where they are.
  ///   - catalogueBytes: the most bytes of item embeddings that this rank may hold.
  ///   - screens: whether items are decided in bfloat16, as `Ranking` has it; the metrics are the same.
  package init(
    _ dataset: Dataset, shards: Range<Int>, cutoffs: [Int], communicator: any Communicator, text: TextBlend? = nil,
    trainCounts: UnsafeBufferPointer<UInt32>? = nil, catalogueBytes: Int = Catalogue.defaultBytes, screens: Bool? = nil
  ) {
    self.screens = screens
    self.text = text
    self.dataset = dataset
    self.shards = shards
    self.cutoffs = cutoffs
    self.communicator = communicator
    self.catalogueBytes = catalogueBytes
    self.trainCounts = trainCounts ?? dataset.items.trainCounts
    order = PopularityOrder(self.trainCounts)
    buckets = PopularityBuckets(order)
  }

  /// Measures a model on the users of all ranks' virtual shards; collective, and the same on every rank.
  ///
  /// - Parameter progress: called with the number of users measured by this rank since the last call.
  package func evaluate(
    _ model: PreciseModel, _ task: EvaluationTask, workspace: Workspace, progress: (Int) -> Void = { _ in }
  ) throws -> RankingMetrics {
    guard let metrics = try evaluate(model, task, workspace: workspace, progress: progress, shouldStop: { false }) else {
      preconditionFailure("an evaluation was stopped that nobody stops")
    }
    return metrics
  }

  /// The same, unless it is stopped: nil on every rank as soon as a rank's `shouldStop` says so between two rounds of users.
  package func evaluate(
    _ model: PreciseModel, _ task: EvaluationTask, workspace: Workspace, progress: (Int) -> Void = { _ in },
    shouldStop: () -> Bool
  ) throws -> RankingMetrics? {
    let catalogue = try catalogue(of: model, workspace)
    let scorer = ProductScorer(embedder: UserEmbedder(model, catalogue), vectors: catalogue, screens: screens)
    let groups = EvaluationGroups(buckets)
    var tallies = [StandingTally(shards: shards.count, metrics: RankingMetrics(cutoffs: cutoffs))]
    let walk = Walk(
      task: task, scorers: [scorer], firstItems: 0, groups: groups, blocksPerRound: blocksPerRound(for: [catalogue]))
    guard try run(walk, &tallies, workspace: workspace, progress: progress, shouldStop: shouldStop) else { return nil }
    return try tallies[0].total(.model, RankingMetrics(cutoffs: cutoffs), communicator).metrics
  }

  /// Measures a model beside rankings that need no training, on the same users by the same rules; collective.
  ///
  /// Besides what `evaluate` gives there are metrics by decile of popularity, by scene and behavior, coverage and novelty, and each user's rank when it is wanted.
  ///
  /// - Parameters:
  ///   - baselines: whether anything but the model is ranked by.
  ///   - texts: vectors of the items' texts, normalized; nil when there are none, and then there is no search by text.
  ///   - keepsRanks: whether each user's rank is wanted: 4 bytes a user and ranking.
  ///   - progress: called with the number of users measured by the model on this rank since the last call.
  /// - Returns: the model's standing first.
  package func compare(
    _ model: PreciseModel, _ task: EvaluationTask, baselines: Bool = true, texts: (any ItemVectors)? = nil,
    keepsRanks: Bool = false,
    workspace: Workspace, progress: (Int) -> Void = { _ in }
  ) throws -> [Standing] {
    let catalogue = try catalogue(of: model, workspace)
    var scorers: [(ranking: Standing.Ranking, scorer: any Scorer)] = [
      (.model, ProductScorer(embedder: UserEmbedder(model, catalogue), vectors: catalogue, screens: screens))
    ]
    if baselines {
      let rows = order.rows
      scorers.append((.popularity, PopularityScorer(order: order, rows: rows)))
      if let texts { scorers.append((.text, ProductScorer(embedder: LastItemEmbedder(texts), vectors: texts, screens: screens))) }
      scorers.append((.history, OwnHistoryScorer(order: order, rows: rows)))
    }
    let groups = EvaluationGroups(buckets, PopularityDeciles(order), of: dataset)
    let empty = RankingMetrics(cutoffs: cutoffs, groups: groups.groups)
    let firstItems = min(Self.firstItems, max(dataset.items.count, 1))
    let recommended = RecommendationTally(limit: firstItems, shards: shards.count, counts: order.counts)
    var tallies = scorers.map { _ in
      StandingTally(shards: shards.count, metrics: empty, recommended: recommended, keepsRanks: keepsRanks)
    }
    var vectors: [any ItemVectors] = [catalogue]
    if baselines, let texts { vectors.append(texts) }
    let walk = Walk(
      task: task, scorers: scorers.map(\.scorer), firstItems: firstItems, groups: groups,
      blocksPerRound: blocksPerRound(for: vectors))
    _ = try run(walk, &tallies, workspace: workspace, progress: progress, shouldStop: { false })
    return try zip(scorers, tallies).map { try $1.total($0.ranking, empty, communicator) }
  }

  private func catalogue(of model: PreciseModel, _ workspace: Workspace) throws -> Catalogue {
    try Catalogue(
      model, trainCounts: trainCounts, text: text, communicator: communicator, workspace: workspace,
      bytes: catalogueBytes)
  }

  /// One pass over the users of a task.
  private struct Walk {
    let task: EvaluationTask
    let scorers: [any Scorer]
    /// How many of a user's first items are kept; 0 = none.
    let firstItems: Int
    let groups: EvaluationGroups
    let blocksPerRound: Int
  }

  /// Ranks the users of this rank's shards by each scorer, round by round; false as soon as it is stopped.
  private func run(
    _ walk: Walk, _ tallies: inout [StandingTally], workspace: Workspace, progress: (Int) -> Void, shouldStop: () -> Bool
  ) throws -> Bool {
    var users = EvaluatedUsers(dataset, shards: shards, task: walk.task)
    while true {
      let blocks = try users.next(walk.blocksPerRound)
      // Ranks own different numbers of users, but all of them walk through the catalogue in every round.
      let counts = try communicator.gatherCounts(shouldStop() ? -1 : blocks.count)
      guard counts.allSatisfy({ $0 >= 0 }) else { return false }
      let most = counts.max() ?? 0
      guard most > 0 else { return true }
      let round = EvaluationRound(blocks, most: most, task: walk.task)
      let numbers = round.users.map { walk.groups.numbers(of: $0.event, $0.events) }
      for (index, scorer) in walk.scorers.enumerated() {
        try workspace.scope {
          let standings = Standings(users: round.users.count, firstItems: walk.firstItems, workspace: workspace)
          try scorer.rank(round, into: standings, workspace: workspace, progress: index == 0 ? progress : { _ in })
          tallies[index].add(round, standings, groups: numbers)
        }
      }
    }
  }

  /// Blocks of a round: few enough users to stay near the cache, or, when each round forms vectors anew, as many as a quarter of the
  /// given memory holds.
  private func blocksPerRound(for vectors: [any ItemVectors]) -> Int {
    let width = vectors.map(\.width).max() ?? 1
    let streamed = catalogueBytes / 4 / (EvaluatedUsers.blockUsers * width * MemoryLayout<Float>.stride)
    return vectors.allSatisfy(\.isWhole) ? 256 : max(1, streamed)
  }
}
