import Batches
public import Collectives
public import Datasets
import Kernels
public import Model
public import Tensors

/// Full-ranking evaluation of a model over a data set's held-out events.
///
/// docs/model.md, section 6.
///
/// Users go through in fixed blocks of their virtual shard, so the same products are formed whoever forms them, and each
/// shard's sums are added in shard order: the metrics do not depend on the number of ranks. Scores are held for one block of
/// users at a time, at most 64 MiB.
public final class Evaluator {
  /// Makes an evaluator over the virtual shards that this rank owns.
  public init(_ dataset: Dataset, shards: Range<Int>, cutoffs: [Int], communicator: any Communicator) {
    self.dataset = dataset
    self.shards = shards
    self.cutoffs = cutoffs
    self.communicator = communicator
    buckets = PopularityBuckets(trainCounts: dataset.items.trainCounts)
  }

  /// Measures a model on the users of this rank's virtual shards.
  ///
  /// - Parameter progress: called with the number of users measured by this rank since the last call.
  public func evaluate(
    _ model: PreciseModel, _ task: EvaluationTask, workspace: Workspace, progress: (Int) -> Void = { _ in }
  ) throws -> RankingMetrics {
    let catalogue = try Catalogue(
      model, trainCounts: dataset.items.trainCounts, communicator: communicator, workspace: workspace)
    var total = RankingMetrics(cutoffs: cutoffs)
    for shard in shards {
      total.add(try evaluate(try dataset.shard(shard), UserEncoder(model), task, catalogue, workspace, progress))
    }
    return total
  }

  private func evaluate(
    _ shard: UserShard, _ encoder: UserEncoder, _ task: EvaluationTask, _ catalogue: Catalogue, _ workspace: Workspace,
    _ progress: (Int) -> Void
  ) throws -> RankingMetrics {
    var metrics = RankingMetrics(cutoffs: cutoffs)
    let block = blockUsers(items: catalogue.embeddings.rows)
    var waiting: [(user: Int, event: Int)] = []
    for user in 0..<shard.userCount {
      let events = shard.events(user)
      guard let event = task.split == .test ? events.test : events.validation, task.judged.matches(events, event) else {
        continue
      }
      waiting.append((user, event))
      if waiting.count == block { flush() }
    }
    flush()
    return metrics

    func flush() {
      guard !waiting.isEmpty else { return }
      rank(waiting, of: shard, encoder, task, catalogue, workspace, &metrics)
      progress(waiting.count)
      waiting.removeAll(keepingCapacity: true)
    }
  }

  private func rank(
    _ users: [(user: Int, event: Int)], of shard: UserShard, _ encoder: UserEncoder, _ task: EvaluationTask,
    _ catalogue: Catalogue, _ workspace: Workspace, _ metrics: inout RankingMetrics
  ) {
    batch.removeAll()
    for (slot, entry) in users.enumerated() {
      task.history.append(shard.events(entry.user), before: entry.event, slot: slot, to: batch)
    }
    workspace.scope {
      let embeddings = workspace.matrix(users.count, catalogue.embeddings.columns)
      encoder.encode(batch, catalogue: catalogue.embeddings, into: embeddings, workspace: workspace)
      let scores = workspace.matrix(users.count, catalogue.embeddings.rows)
      multiply(embeddings, catalogue.embeddings, rightTransposed: true, into: scores)
      for (slot, entry) in users.enumerated() {
        let events = shard.events(entry.user)
        let target = Int(events.items[entry.event])
        let seen = task.filterSeen ? Array(Set(events.items[..<entry.event])) : []
        let row = UnsafeBufferPointer(start: UnsafePointer(scores.row(slot)), count: scores.columns)
        metrics.add(rank: Ranking.rank(of: target, scores: row, excluded: seen), buckets: buckets.buckets(of: target))
      }
    }
  }

  /// Users whose scores fill at most 64 MiB; a function of the catalogue alone.
  private func blockUsers(items: Int) -> Int { max(1, min(256, (16 << 20) / max(items, 1))) }

  private let dataset: Dataset
  private let shards: Range<Int>
  private let cutoffs: [Int]
  private let communicator: any Communicator
  private let buckets: PopularityBuckets
  private let batch = SequenceBatch()
}
