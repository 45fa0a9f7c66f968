import Datasets
import Evaluation
import Model
import Tensors
import Testing

struct EvaluatorTests {
  private let world: TinyWorld

  init() throws {
    world = try TinyWorld()
  }

  private func expectEqual(_ found: RankingMetrics, _ expected: RankingMetrics) {
    for bucket in PopularityBuckets.names {
      #expect(found.users(in: bucket) == expected.users(in: bucket))
      for (one, other) in zip(found.means(of: bucket), expected.means(of: bucket)) {
        #expect(one.name == other.name && abs(one.value - other.value) < 1e-12, "\(bucket) \(one.name)")
      }
    }
  }

  @Test(arguments: [EvaluationTask.Split.validation, .test], [false, true])
  func metricsAreThoseOfAPlainLoop(split: EvaluationTask.Split, filterSeen: Bool) throws {
    let model = world.model()
    let task = world.task(split, filterSeen: filterSeen)
    let found = try world.evaluator().evaluate(model, task, workspace: world.workspace)
    #expect(found.users(in: "all") == 30)
    #expect((found.value(of: "mrr") ?? 0) > 1.0 / 24)
    expectEqual(found, try world.plainMetrics(model, task))
  }

  @Test func filteringSeenItemsHelps() throws {
    let model = world.model()
    let plain = try world.evaluator().evaluate(model, world.task(.test), workspace: world.workspace)
    let filtered = try world.evaluator().evaluate(model, world.task(.test, filterSeen: true), workspace: world.workspace)
    #expect((filtered.value(of: "mrr") ?? 0) > (plain.value(of: "mrr") ?? 1))
  }

  @Test func aTargetedTaskEvaluatesItsUsersOnly() throws {
    let scene = try #require(world.dataset.scenes.firstIndex(of: "b"))
    let filter = EventFilter(scene: scene, behavior: nil)
    let model = world.model(userHead: .residual)
    let task = world.task(.test, evaluated: filter, history: filter)
    let found = try world.evaluator().evaluate(model, task, workspace: world.workspace)
    #expect((1..<30).contains(found.users(in: "all")))
    expectEqual(found, try world.plainMetrics(model, task))
  }

  @Test func shardsAddUpToTheWhole() throws {
    let model = world.model()
    let whole = try world.evaluator().evaluate(model, world.task(.test), workspace: world.workspace)
    var sum = RankingMetrics(cutoffs: [1, 5, 10])
    for shard in 0..<5 {
      sum.add(try world.evaluator(shard..<shard + 1).evaluate(model, world.task(.test), workspace: world.workspace))
    }
    // The same digits, not only nearly: ranks add up their shards in this order.
    #expect(sum == whole)
  }

  @Test(arguments: [Float(0), 1, .nan, .infinity])
  func aCollapsedModelRanksLast(value: Float) throws {
    let model = world.model()
    for index in 0..<model.items.ids.count { model.items.ids.base[index] = value }
    let metrics = try world.evaluator().evaluate(model, world.task(.test), workspace: world.workspace)
    #expect(metrics.users(in: "all") == 30)
    #expect(metrics.value(of: "recall@10") == 0)
    #expect(abs((metrics.value(of: "mrr") ?? 1) - 1.0 / Double(world.dataset.items.count)) < 1e-12)
  }

  @Test func progressCountsEveryEvaluatedUser() throws {
    var users = 0
    _ = try world.evaluator().evaluate(world.model(), world.task(.test), workspace: world.workspace) { users += $0 }
    #expect(users == 30)
  }
}
