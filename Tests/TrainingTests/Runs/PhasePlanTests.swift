import Collectives
import Config
import Datasets
import Evaluation
import Model
import Tensors
import Testing

@testable import Runs

struct PhasePlanTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  private func plans(_ targeted: String) throws -> [PhasePlan] {
    PhasePlan.all(try world.config("targeted=\(targeted)"), world.dataset)
  }

  @Test func theUniversalPhaseComesFirstAndReadsEverything() throws {
    let plan = try #require(try plans("[]").first)
    #expect(plan.name == "universal" && plan.kind.isUniversal && plan.userHead == nil)
    #expect(plan.evaluated == .all && plan.history == History(filter: .all, length: 6))
    #expect(plan.epochs == 4 && plan.steps == nil && plan.correctsLogQ)
  }

  @Test func targetedPhasesResolveNames() throws {
    let scene = world.dataset.scenes[1]
    let found = try plans(
      "[{name: a, scene: \(scene), epochs: 7}, {name: b, behavior: \(world.behavior), history: all, steps: 9, user_head: mlp}]")
    #expect(found.map(\.name) == ["universal", "a", "b"])
    let inScene = EventFilter(scene: 1, behavior: nil)
    #expect(found[1].evaluated == inScene && found[1].history.filter == inScene)
    #expect(found[1].userHead == .residual && found[1].epochs == 7 && found[1].steps == nil)
    let behavior = try #require(world.dataset.behaviors.firstIndex(of: world.behavior))
    #expect(found[2].evaluated == EventFilter(scene: nil, behavior: behavior) && found[2].history.filter == .all)
    #expect(found[2].userHead == .mlp && found[2].steps == 9)
  }

  @Test func tasksEvaluateThePhasesUsers() throws {
    let plan = try plans("[{name: a, scene: \(world.dataset.scenes[1])}]")[1]
    let task = plan.task(.test, filterSeen: true)
    #expect(task.split == .test && task.filterSeen && task.evaluated == plan.evaluated && task.history == plan.history)
    let universal = plan.universalTask(.validation, filterSeen: false)
    #expect(universal.evaluated == plan.evaluated && universal.history.filter == .all && !universal.filterSeen)
  }

  @Test func negativesAreDrawnWhereTheObjectiveNeedsThem() throws {
    let found = try plans(
      "[{name: a, objective: {bpr: 1, softmax: 0}}, {name: b, negatives: all, log_q: false}, {name: c, negatives: 8}]"
    )
    #expect(found[0].negatives(items: 60)?.count == 40)
    #expect(found[1].negatives(items: 60) == nil)
    let all = try #require(found[2].negatives(items: 60))
    #expect(all.count == nil && all.items == 60)
    let mixed = try #require(found[3].negatives(items: 60))
    #expect(mixed.fromBatch == 4 && mixed.fromCatalogue == 4 && found[3].correctsLogQ && !found[2].correctsLogQ)
  }

  @Test func batchesFollowThePlan() throws {
    let found = try plans("[{name: a, scene: \(world.dataset.scenes[1]), position: last}]")
    let config = try world.config()
    let sources = try found.map { try $0.batches(world.dataset, config, communicator: SoloCommunicator()) }
    #expect(sources[0] is UniversalBatches && sources[1] is TargetedBatches)
    #expect(sources[1].order.users < sources[0].order.users)
  }

  /// Phases count their steps from 0, and must not get the same draws for it.
  @Test func everyPhaseDrawsNegativesOfItsOwn() throws {
    let config = try world.config("targeted=[{name: a, negatives_from: uniform}, {name: b, negatives_from: uniform}]")
    let lists = try PhasePlan.all(config, world.dataset).dropFirst().map { plan in
      let list = NumberList<Int32>()
      try #require(plan.negatives(config, items: 60)).drawFromCatalogue(step: 0, into: list)
      return Array(list.values)
    }
    #expect(lists[0].count == 2048 && lists[0] != lists[1])
  }
}
