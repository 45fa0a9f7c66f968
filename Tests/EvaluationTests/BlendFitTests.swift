import Batches
import Collectives
import Datasets
import Foundation
import Items
import Model
import Similarity
import Tensors
import TestSupport
import Testing

@testable import Evaluation

struct BlendFitTests {
  /// Numbers of a result that ranks must agree on to the last bit.
  private struct Fit: Equatable {
    let blend: Blend
    let score: Double
    let scoreWithout: Double
    let users: Int
  }

  private func fit(
    _ world: BlendWorld, _ communicator: any Communicator = SoloCommunicator(), metric: String = "ndcg@10",
    task: EvaluationTask? = nil, bytes: Int = Catalogue.defaultBytes, coldStart: BlendFit.ColdStart = .pseudoCount(1.2),
    idWidth: Int = 6, change: (PreciseModel) -> Void = { _ in }
  ) throws -> Fit? {
    let model = world.model(communicator, idWidth: idWidth)
    change(model)
    let fit = BlendFit(
      world.dataset, shards: world.shards(of: communicator), vectors: world.vectors, metric: metric, communicator: communicator,
      catalogueBytes: bytes)
    return try fit.fit(
      model, task ?? world.task(), coldStart: coldStart, logitScale: 1, workspace: Workspace(chunkBytes: 1 << 20)
    ).map { Fit(blend: $0.blend, score: $0.score, scoreWithout: $0.scoreWithout, users: $0.users) }
  }

  private func value(_ world: BlendWorld, _ metric: String, _ task: EvaluationTask, _ text: TextBlend?) throws -> Double {
    let evaluator = Evaluator(
      world.dataset, shards: 0..<world.dataset.shardCount, cutoffs: [5, 10], communicator: SoloCommunicator(), text: text)
    let metrics = try evaluator.evaluate(world.model(SoloCommunicator()), task, workspace: Workspace(chunkBytes: 1 << 20))
    #expect(metrics.users(in: "all") == world.users)
    return try #require(metrics.value(of: metric))
  }

  /// Where every item is in a training event, and every user takes part, the fit sees what evaluation will see.
  @Test(arguments: ["ndcg@10", "recall@5", "mrr"], [false, true])
  func itsScoreIsWhatEvaluationMeasures(metric: String, filterSeen: Bool) throws {
    let world = try BlendWorld(items: 96, hasUnseen: false)
    #expect(world.unseen.isEmpty)
    let task = world.task(filterSeen: filterSeen)
    let found = try #require(try fit(world, metric: metric, task: task))
    #expect(found.users == world.users && found.blend.isPlausible)
    let text = TextBlend(world.vectors, found.blend)
    let (with, without) = (try value(world, metric, task, text), try value(world, metric, task, nil))
    // A gain is kept as a float.
    #expect(abs(found.score - with) < 1e-6 && abs(found.scoreWithout - without) < 1e-6, "\(found.score), \(with)")
    // Users of one kind are found by their texts, by a model that knows nothing they are not.
    #expect(with > without + 0.1, "\(without), \(with)")
    #expect(found.blend.cells.allSatisfy { $0.strength > 0 })
  }

  /// Each place of the grid, not only the best one: a blend of that one cell gives the same mean.
  @Test func everyPlaceOfTheGridRanksAsEvaluationDoes() throws {
    let world = try BlendWorld(items: 96, hasUnseen: false)
    let grid = BlendGrid(logitScale: 2)
    let (model, workspace) = (world.model(SoloCommunicator()), Workspace(chunkBytes: 1 << 20))
    let catalogue = try world.catalogue(nil)
    var walk = JudgedUsers(world.dataset, shards: 0..<world.dataset.shardCount, task: world.task())
    let blocks = try walk.next(1000)
    let round = BlendRound(
      JudgedRound(blocks, most: blocks.count, task: world.task()), embedder: UserEmbedder(model, catalogue),
      vectors: world.vectors, grid: grid,
      workspace: workspace)
    try round.embed(workspace)
    try round.count(catalogue, workspace)
    let rows = round.rows(catalogue, workspace)
    #expect(rows.count == world.users && grid.count == 192)
    for place in [0, 1, 7, 15, 16, 21, 32, 40, 47, 48, 59, 96, 111, 144, 150, 191] {
      var blend = Blend(cells: [grid.weights(place)])
      blend.repeatWeight = Double(grid.repeats[place / BlendGrid.pairs])
      let mean = rows.reduce(0.0) { $0 + 1 / Double($1.ranks[place]) } / Double(rows.count)
      let expected = try value(world, "mrr", world.task(), TextBlend(world.vectors, blend))
      #expect(abs(mean - expected) < 1e-6, "\(grid.weights(place))")
    }
  }

  /// Items over two blocks of the catalogue, some without a training event; more ranks than virtual shards.
  @Test(arguments: [Catalogue.defaultBytes, 0], [false, true])
  func itDoesNotDependOnTheNumberOfRanks(bytes: Int, isByCost: Bool) throws {
    let world = try BlendWorld(items: 4104, users: 50, sharers: 30, hasUnseen: true)
    #expect(world.dataset.items.count > Catalogue.blockRows && world.unseen.count >= 20)
    let coldStart = isByCost ? BlendFit.ColdStart.cost(0.05) : .pseudoCount(1.2)
    let expected = try #require(try fit(world, coldStart: coldStart))
    #expect(
      expected.users == world.users && (isByCost || expected.blend.unseenScale != 1) && expected.score > expected.scoreWithout)
    for ranks in [1, 2, 3, 5] {
      let found = try world.onRanks(ranks) { try fit(world, $0, bytes: bytes, coldStart: coldStart) }
      #expect(found == Array(repeating: expected, count: ranks), "\(ranks) ranks")
    }
  }

  /// Without ID halves there is nothing for neighbors to lend; without semantic halves there is nothing else.
  @Test(arguments: [0, 12])
  func eitherHalfOfAnEmbeddingMayBeMissing(idWidth: Int) throws {
    let world = try BlendWorld(items: 96, hasUnseen: true)
    let expected = try #require(try fit(world, idWidth: idWidth))
    #expect(expected.blend.isPlausible && expected.score > expected.scoreWithout)
    for ranks in [2, 3] {
      #expect(try world.onRanks(ranks) { try fit(world, $0, idWidth: idWidth) } == Array(repeating: expected, count: ranks))
    }
    let model = world.model(SoloCommunicator(), idWidth: idWidth)
    let evaluator = Evaluator(
      world.dataset, shards: 0..<world.dataset.shardCount, cutoffs: [10], communicator: SoloCommunicator(),
      text: TextBlend(world.vectors, expected.blend))
    let metrics = try evaluator.evaluate(model, world.task(), workspace: Workspace(chunkBytes: 1 << 20))
    #expect((metrics.value(of: "ndcg@10") ?? 0) > expected.scoreWithout)
  }

  /// The reciprocal ranks of users whose next item was trained on, under a scale; nil = without any other item.
  private func ranked(
    _ world: BlendWorld, _ catalogue: Catalogue, _ task: EvaluationTask, scale: Float?
  ) throws -> Double {
    let workspace = Workspace(chunkBytes: 1 << 20)
    var walk = JudgedUsers(world.dataset, shards: 0..<world.dataset.shardCount, task: task)
    let blocks = try walk.next(1000)
    let round = JudgedRound(blocks, most: blocks.count, task: task)
    let embedder = UserEmbedder(world.model(SoloCommunicator()), catalogue)
    let users = workspace.matrix(round.users.count, catalogue.width)
    for slots in round.slots {
      _ = embedder.fill(round, slots)
      _ = try embedder.embed(into: users.rows(slots), workspace: workspace)
    }
    var sum = 0.0
    for (slot, user) in round.users.enumerated() where !catalogue.isUnseen(user.target) {
      func score(_ item: Int32) -> Float {
        let factor = catalogue.isUnseen(item) ? scale ?? 0 : 1
        return (0..<catalogue.width).reduce(0) { sum, column in
          let e = catalogue.embeddings[Int(item), column] * (column < catalogue.modelWidth ? factor : 1)
          return sum + users[slot, column] * e
        }
      }
      let others = (0..<Int32(catalogue.items)).filter { item in
        item != user.target && !round.isExcluded(slot, item) && (scale != nil || !catalogue.isUnseen(item))
      }
      sum += 1 / Double(1 + others.count { score($0) >= score(user.target) })
    }
    return sum
  }

  /// The highest scale of all under which users whose next item was trained on lose no more than the share.
  @Test(arguments: [0.0, 0.02, 0.1, 0.99], [false, true])
  func newItemsCostWhatTheyMay(cost: Double, filterSeen: Bool) throws {
    let world = try BlendWorld(items: 96, sharers: 12, hasUnseen: true)
    let task = world.task(filterSeen: filterSeen)
    let found = try #require(try fit(world, metric: "mrr", task: task, coldStart: .cost(cost)))
    var blend = found.blend
    blend.unseenScale = 1
    let catalogue = try world.catalogue(TextBlend(world.vectors, blend))
    let without = try ranked(world, catalogue, task, scale: nil)
    let allowed = try BlendColdScale.scales.last { scale in
      try ranked(world, catalogue, task, scale: scale) >= (1 - cost) * without
    }
    #expect(found.blend.unseenScale == Double(allowed ?? BlendColdScale.scales[0]))
  }

  /// The line through the spreads of items' scores, found in plain Swift, on any number of ranks; none where rare items spread more.
  @Test(arguments: [0, 0.25, 1.0])
  func theTemperIsALineThroughSpreads(power: Double) throws {
    let world = try BlendWorld(items: 96, hasUnseen: true)
    let counts = world.dataset.items.trainCounts
    @Sendable func temper(_ communicator: any Communicator, growing: Bool) throws -> Blend.Temper? {
      let counts = world.dataset.items.trainCounts
      let model = world.model(communicator, idWidth: 12)
      for row in 0..<model.items.ids.rows {
        let events = Float(counts[model.items.item(ofLocalRow: row)])
        for column in 0..<12 { model.items.ids[row, column] *= growing ? 1 + events : 1 / (1 + events) }
      }
      let catalogue = try Catalogue(
        model, trainCounts: counts, communicator: communicator, workspace: Workspace(chunkBytes: 1 << 20))
      let users = communicator.rank == 0 ? RandomValues.floats(20 * 12, seed: 3, scale: 1) : []
      return try BlendSpread(catalogue, users, communicator).temper(
        power, trainCounts: counts, workspace: Workspace(chunkBytes: 1 << 20))
    }
    let found = try temper(SoloCommunicator(), growing: true)
    #expect(try world.onRanks(3) { try temper($0, growing: true) } == [found, found, found])
    #expect(try temper(SoloCommunicator(), growing: false) == nil)
    guard power > 0 else { return #expect(found == nil) }
    let line = try #require(found)
    #expect(line.power == power && line.most == Double(counts.max() ?? 0) && line.growth > 0)
    #expect(line.scale(events: counts.max() ?? 0) == 1 && line.scale(events: 1) > 1)
    if power == 1 { #expect(abs(Double(line.scale(events: 1)) * line.base - (line.base + line.growth * log(line.most))) < 1e-5) }
  }

  @Test func itIsNilWithNobodyToFitOn() throws {
    let world = try BlendWorld(items: 24, users: 10, sharers: 2, hasUnseen: false)
    let nobody = world.task(judged: EventFilter(scene: 7, behavior: nil))
    for ranks in [1, 3] {
      #expect(try world.onRanks(ranks) { try fit(world, $0, task: nobody) } == Array(repeating: nil, count: ranks))
    }
  }

  /// Strengths are logits: a model whose scores count for more takes so much less of the text.
  @Test func strengthsFollowTheScaleOfLogits() {
    for scale in [Float(1), 0.25, 1e-5] {
      let grid = BlendGrid(logitScale: scale)
      #expect(grid.weights(3) == Blend.Weights(strength: Double(2 / scale), decay: 0))
      #expect(grid.weights(47) == Blend.Weights(strength: Double(48 / scale), decay: 0.6))
      #expect(Blend(cells: [grid.weights(47)]).isPlausible, "a logit scale of \(scale)")
    }
  }

  /// What a manifest could not hold is not a blend.
  @Test(arguments: [Float.nan, .infinity, 1, 0])
  func aCollapsedModelGetsABlendThatCanBeWrittenOrNone(value: Float) throws {
    let world = try BlendWorld(items: 24, users: 10, sharers: 2, hasUnseen: true)
    let found = try fit(world) { model in
      for index in 0..<model.items.ids.count { model.items.ids.base[index] = value }
    }
    #expect(found?.blend.isPlausible != false)
    #expect(found != nil || !value.isFinite)
  }

  @Test(arguments: [(0, "0.0000"), (0.00004, "0.0000"), (0.0712, "0.0712"), (0.99996, "1.0000"), (1, "1.0000")])
  func whatWasGainedIsSaid(score: Double, text: String) {
    let blend = Blend(cells: [.init(strength: 0, decay: 0)])
    let result = BlendFit.Result(blend: blend, score: score, scoreWithout: 0.5, users: 12, metric: "recall@5")
    #expect("\(result)" == "scores blended with text; validation recall@5 0.5000 -> \(text) on 12 users")
  }

  @Test(arguments: [
    ("ndcg@3", [1, 0.6309297535714575, 0.5, 0]), ("recall@2", [1, 1, 0, 0]), ("mrr", [1, 0.5, 1.0 / 3, 0.25]),
  ])
  func aRankBringsWhatItsMetricSays(metric: String, gains: [Double]) {
    let gain = RankGain(metric)
    for (place, expected) in gains.enumerated() { #expect(abs(gain.of(place + 1) - expected) < 1e-12) }
  }
}
