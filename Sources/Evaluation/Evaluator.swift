import Batches
public import Collectives
public import Datasets
import Kernels
public import Model
public import Similarity
public import Tensors

/// Full-ranking evaluation of a model over a data set's held-out events, on any number of ranks.
///
/// docs/model.md, section 6.
///
/// The metrics are equal to the last digit whatever the number of ranks: users go through in fixed blocks of their virtual shard, an
/// item's embedding and a score are functions of the item and of the two alone, and every rank adds up all shards' sums in shard
/// order. Users are taken in rounds: all of a round are embedded, then the catalogue is walked through once.
public final class Evaluator {
  /// Makes an evaluator over the virtual shards that this rank owns; ranks own runs in rank order.
  ///
  /// - Parameters:
  ///   - text: what text adds to every score; nil judges the model alone.
  ///   - catalogueBytes: the most bytes of item embeddings that this rank may hold.
  public init(
    _ dataset: Dataset, shards: Range<Int>, cutoffs: [Int], communicator: any Communicator, text: TextBlend? = nil,
    catalogueBytes: Int = Catalogue.defaultBytes
  ) {
    self.text = text
    self.dataset = dataset
    self.shards = shards
    self.cutoffs = cutoffs
    self.communicator = communicator
    self.catalogueBytes = catalogueBytes
    buckets = PopularityBuckets(trainCounts: dataset.items.trainCounts)
  }

  /// Measures a model on the users of all ranks' virtual shards; collective, and the same on every rank.
  ///
  /// - Parameter progress: called with the number of users measured by this rank since the last call.
  public func evaluate(
    _ model: PreciseModel, _ task: EvaluationTask, workspace: Workspace, progress: (Int) -> Void = { _ in }
  ) throws -> RankingMetrics {
    guard let metrics = try evaluate(model, task, workspace: workspace, progress: progress, shouldStop: { false }) else {
      preconditionFailure("an evaluation was stopped that nobody stops")
    }
    return metrics
  }

  /// The same, unless it is stopped: nil on every rank as soon as a rank's `shouldStop` says so between two rounds of users.
  public func evaluate(
    _ model: PreciseModel, _ task: EvaluationTask, workspace: Workspace, progress: (Int) -> Void = { _ in },
    shouldStop: () -> Bool
  ) throws -> RankingMetrics? {
    let catalogue = try Catalogue(
      model, trainCounts: dataset.items.trainCounts, text: text, communicator: communicator, workspace: workspace,
      bytes: catalogueBytes)
    let embedder = UserEmbedder(model, catalogue)
    var walk = JudgedUsers(dataset, shards: shards, task: task)
    var metrics = shards.map { _ in RankingMetrics(cutoffs: cutoffs) }
    while true {
      let blocks = try walk.next(blocksPerRound(catalogue))
      // Ranks own different numbers of users, but all of them walk through the catalogue in every round.
      let counts = try communicator.gatherCounts(shouldStop() ? -1 : blocks.count)
      guard counts.allSatisfy({ $0 >= 0 }) else { return nil }
      let most = counts.max() ?? 0
      guard most > 0 else { return try total(metrics) }
      try workspace.scope {
        let ranking = Ranking(users: blocks.reduce(0) { $0 + $1.users.count }, width: catalogue.width, workspace: workspace)
        try embed(blocks, most, task, embedder, ranking, workspace)
        try count(catalogue, ranking, workspace, progress)
        add(blocks, ranking, to: &metrics)
      }
    }
  }

  /// Users of a round: few enough to stay near the cache, or, when each round forms the catalogue anew, as many as a quarter of the
  /// given memory holds.
  private func blocksPerRound(_ catalogue: Catalogue) -> Int {
    let streamed = catalogueBytes / 4 / (JudgedUsers.blockUsers * catalogue.width * MemoryLayout<Float>.stride)
    return catalogue.isWhole ? 256 : max(1, streamed)
  }

  /// Embeds a round's users and finds what they are judged by; a rank with fewer blocks than `most` goes on with empty ones.
  private func embed(
    _ blocks: [JudgedUsers.Block], _ most: Int, _ task: EvaluationTask, _ embedder: UserEmbedder, _ ranking: Ranking,
    _ workspace: Workspace
  ) throws {
    var first = 0
    for place in 0..<most {
      let block = place < blocks.count ? blocks[place] : nil
      let slots = first..<first + (block?.users.count ?? 0)
      first = slots.upperBound
      embedder.removeAll()
      let judged = block.map { embedder.fill($0, task) } ?? []
      try workspace.scope {
        let items = try embedder.embed(into: ranking.users.rows(slots), workspace: workspace)
        judge(slots, judged, items, ranking, workspace)
      }
    }
  }

  private func judge(
    _ slots: Range<Int>, _ counts: [Int], _ items: UserEmbedder.Items, _ ranking: Ranking, _ workspace: Workspace
  ) {
    var start = 0
    for (slot, count) in zip(slots, counts) {
      workspace.scope {
        let rows = RowList(rebasing: items.rows[start..<start + count])
        let embeddings = workspace.matrix(count, ranking.users.columns)
        gather(rows, from: items.embeddings, into: embeddings)
        ranking.judge(slot, by: embeddings, workspace: workspace)
      }
      start += count
    }
  }

  private func count(_ catalogue: Catalogue, _ ranking: Ranking, _ workspace: Workspace, _ progress: (Int) -> Void) throws {
    var reported = 0
    try catalogue.forEachBlock(workspace: workspace) { rows, embeddings in
      ranking.count(embeddings, workspace: workspace)
      let done = ranking.users.rows * rows.upperBound / catalogue.items
      if done > reported { progress(done - reported) }
      reported = done
    }
  }

  private func add(_ blocks: [JudgedUsers.Block], _ ranking: Ranking, to metrics: inout [RankingMetrics]) {
    var slot = 0
    for block in blocks {
      for entry in block.users {
        let target = Int(block.shard.events(entry.user).items[entry.event])
        metrics[block.place].add(rank: ranking.rank(of: slot), buckets: buckets.buckets(of: target))
        slot += 1
      }
    }
  }

  /// The sum over all ranks' shards, added in shard order by everybody.
  private func total(_ own: [RankingMetrics]) throws -> RankingMetrics {
    let send = own.flatMap(\.flat)
    let counts = try communicator.gatherCounts(send.count)
    var all = [Double](repeating: 0, count: counts.reduce(0, +))
    try send.withUnsafeBufferPointer { send in
      try all.withUnsafeMutableBufferPointer { try communicator.allGather(send, into: $0, counts: counts) }
    }
    var (total, part) = (RankingMetrics(cutoffs: cutoffs), RankingMetrics(cutoffs: cutoffs))
    let size = part.flat.count
    for start in stride(from: 0, to: all.count, by: size) {
      part.flat = Array(all[start..<start + size])
      total.add(part)
    }
    return total
  }

  private let dataset: Dataset
  private let shards: Range<Int>
  private let cutoffs: [Int]
  private let communicator: any Communicator
  private let text: TextBlend?
  private let catalogueBytes: Int
  private let buckets: PopularityBuckets
}
