import Collectives
import Datasets
import Model
import Preparation
import Synchronization
import Tensors
import TestSupport

@testable import Evaluation

/// A data set of items over several blocks of the catalogue, and models of it on any number of ranks.
///
/// Every number of a model is a function of its place in the whole table, as a checkpoint's is.
struct RankWorld: Sendable {
  static let items = Catalogue.blockRows + 700

  let dataset: Dataset
  private let folder: TemporaryFolder

  static let users = 240

  /// 200 users with 3 to 9 events over every 7th item, and 40 who share out all items; each one's last is held out, so that some
  /// items have no training event.
  init(shards: Int) throws {
    folder = try TemporaryFolder()
    var builder = DatasetBuilder()
    builder.options.virtualShards = shards
    for user in 0..<200 {
      for event in 0..<(3 + user % 7) {
        let item = 7 * Int(RandomValues.bits(seed: UInt64(user), event) % UInt64(Self.items / 7))
        builder.addEvent(user: "u\(user)", item: "i\(item)", seconds: event)
      }
    }
    for item in 0..<Self.items { builder.addEvent(user: "all\(item % 40)", item: "i\(item)", seconds: item) }
    dataset = try builder.write(to: folder.file("d"))
  }

  /// A rank's share of a model with experts; items have 0 to 3 tokens.
  func model(_ communicator: any Communicator, userHead: ModelShape.UserHeadKind?) -> PreciseModel {
    let fusion = FusionShape(idWidth: 6, semanticWidth: 6, tokenWidth: 9, tokens: 3, experts: 4, active: 2, gateInput: .mean)
    let plan = ItemTable.Plan(
      shape: fusion, items: dataset.items.count, tokenCount: { $0 % 4 }, rule: .adaGrad(epsilon: 1e-10), seed: 4)
    let model = PreciseModel(
      ModelShape(fusion: fusion, layers: 1, heads: 2, length: 4, userHead: userHead), table: plan, communicator: communicator)
    for index in 0..<model.items.ids.count { model.items.ids.base[index] *= 40 }
    for row in 0..<model.items.ids.rows {
      let states = model.items.tokens.states(of: row)
      let values = RandomValues.floats(states.count, seed: UInt64(model.items.item(ofLocalRow: row)), scale: 2)
      states.store(values)
    }
    if let head = model.parameters.find("user.1.weight") {
      head.value.base.update(from: RandomValues.floats(head.count, seed: 9, scale: 0.5), count: head.count)
    }
    return model
  }

  /// What every rank gets from `body`, in rank order.
  func onRanks<Result: Sendable>(
    _ ranks: Int, _ body: @escaping @Sendable (any Communicator) throws -> Result
  ) throws -> [Result] {
    let found = Mutex([Result?](repeating: nil, count: ranks))
    try RankThreads.run(ranks: ranks) { communicator in
      let result = try body(communicator)
      found.withLock { $0[communicator.rank] = result }
    }
    return found.withLock { $0.compactMap { $0 } }
  }

  /// The metrics that every rank gets.
  func metrics(
    ranks: Int, bytes: Int = Catalogue.defaultBytes, filterSeen: Bool = false, userHead: ModelShape.UserHeadKind? = nil
  ) throws -> [RankingMetrics] {
    try onRanks(ranks) { communicator in
      let shards = Shares.range(of: communicator.rank, ranks: ranks, count: dataset.shardCount)
      let evaluator = Evaluator(
        dataset, shards: shards, cutoffs: [10, 100, 1000], communicator: communicator, catalogueBytes: bytes)
      let task = EvaluationTask(
        split: .test, evaluated: .all, history: History(filter: .all, length: 4), filterSeen: filterSeen)
      return try evaluator.evaluate(model(communicator, userHead: userHead), task, workspace: Workspace(chunkBytes: 1 << 20))
    }
  }
}
