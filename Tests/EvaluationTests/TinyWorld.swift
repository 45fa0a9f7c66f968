import Collectives
import Datasets
import Model
import Preparation
import Tensors
import TestSupport

@testable import Evaluation

/// A small data set of ID-only items, and models of it.
final class TinyWorld {
  let dataset: Dataset
  let workspace = Workspace(chunkBytes: 1 << 20)
  private let folder: TemporaryFolder

  /// 30 users with 3 to 9 events each over 24 items, so that many come back to an item; two scenes; 5 virtual shards.
  init() throws {
    folder = try TemporaryFolder()
    var builder = DatasetBuilder()
    builder.options.virtualShards = 5
    for user in 0..<30 {
      for event in 0..<(3 + user % 7) {
        let item = (user * 5 + event * event * 3) % 24
        builder.addEvent(user: "u\(user)", item: "i\(item)", seconds: event, scene: (user + event) % 3 == 0 ? "b" : "a")
      }
    }
    dataset = try builder.write(to: folder.file("d"))
  }

  /// A new model with random rows.
  func model(userHead: ModelShape.UserHeadKind? = nil) -> PreciseModel {
    let fusion = FusionShape(
      idWidth: 8, semanticWidth: 0, tokenWidth: 0, tokens: 0, experts: 1, active: 1, gateInput: .mean)
    let plan = ItemTable.Plan(
      shape: fusion, items: dataset.items.count, tokenCount: { _ in 0 }, rule: .adaGrad(epsilon: 1e-10), seed: 4)
    let model = PreciseModel(
      ModelShape(fusion: fusion, layers: 1, heads: 2, length: 4, userHead: userHead), table: plan,
      communicator: SoloCommunicator())
    // Rows begin near zero; larger ones make ranks that differ.
    for index in 0..<model.items.ids.count { model.items.ids.base[index] *= 40 }
    return model
  }

  func task(
    _ split: EvaluationTask.Split, evaluated: EventFilter = .all, history: EventFilter = .all, filterSeen: Bool = false
  ) -> EvaluationTask {
    EvaluationTask(split: split, evaluated: evaluated, history: History(filter: history, length: 4), filterSeen: filterSeen)
  }

  func evaluator(_ shards: Range<Int>? = nil) -> Evaluator {
    Evaluator(
      dataset, shards: shards ?? 0..<dataset.shardCount, cutoffs: [1, 5, 10], communicator: SoloCommunicator())
  }

  /// The metrics by a plain loop: one user at a time, scores by hand, the rank by counting.
  func plainMetrics(_ model: PreciseModel, _ task: EvaluationTask) throws -> RankingMetrics {
    let catalogue = try Catalogue(
      model, trainCounts: dataset.items.trainCounts, communicator: SoloCommunicator(), workspace: workspace)
    let buckets = PopularityBuckets(trainCounts: dataset.items.trainCounts)
    var metrics = RankingMetrics(cutoffs: [1, 5, 10])
    for number in 0..<dataset.shardCount {
      let shard = try dataset.shard(number)
      for user in 0..<shard.userCount {
        let events = shard.events(user)
        guard let event = task.split == .test ? events.test : events.validation, task.evaluated.matches(events, event) else {
          continue
        }
        let batch = SequenceBatch()
        task.history.append(events, before: event, slot: 0, to: batch)
        let scores = workspace.scope {
          let embedding = workspace.matrix(1, catalogue.embeddings.columns)
          UserEncoder(model).encode(
            batch, items: batch.items.values, of: catalogue.embeddings, into: embedding, workspace: workspace)
          return (0..<catalogue.embeddings.rows).map { item in
            (0..<embedding.columns).reduce(0.0) { $0 + Double(embedding[0, $1]) * Double(catalogue.embeddings[item, $1]) }
          }
        }
        let target = Int(events.items[event])
        let seen = task.filterSeen ? Set(events.items[..<event].map(Int.init)) : []
        let rivals = scores.indices.count { $0 != target && !seen.contains($0) && scores[$0] >= scores[target] }
        metrics.add(rank: rivals + 1, groups: buckets.buckets(of: target))
      }
    }
    return metrics
  }
}
