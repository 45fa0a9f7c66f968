import Collectives
import Datasets
import Foundation
import Model
import Tensors
import TestSupport
import Testing
import Texts

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
    var walk = EvaluatedUsers(world.dataset, shards: 0..<world.dataset.shardCount, task: world.task())
    let blocks = try walk.next(1000)
    let round = BlendRound(
      EvaluationRound(blocks, most: blocks.count, task: world.task()), embedder: UserEmbedder(model, catalogue),
      vectors: world.vectors, grid: grid,
      workspace: workspace)
    try round.embed(workspace)
    try round.count(catalogue, workspace)
    let rows = round.rows(catalogue, workspace)
    #expect(rows.count == world.users && grid.count == 192)
    for position in [0, 1, 7, 15, 16, 21, 32, 40, 47, 48, 59, 96, 111, 144, 150, 191] {
      var blend = Blend(cells: [grid.weights(position)])
      blend.repeatWeight = Double(grid.repeats[position / BlendGrid.pairs])
      let mean = rows.reduce(0.0) { $0 + 1 / Double($1.ranks[position]) } / Double(rows.count)
      let expected = try value(world, "mrr", world.task(), TextBlend(world.vectors, blend))
      #expect(abs(mean - expected) < 1e-6, "\(grid.weights(position))")
    }
  }

  /// Items without a training event do not compete, and one that is looked for is ranked among the others.
  @Test(arguments: [false, true])
  func ranksAreAmongTrainedItems(filterSeen: Bool) throws {
    let world = try BlendWorld(items: 96, sharers: 12, hasUnseen: true)
    let (task, grid) = (world.task(filterSeen: filterSeen), BlendGrid(logitScale: 1))
    let (model, workspace) = (world.model(SoloCommunicator()), Workspace(chunkBytes: 1 << 20))
    let catalogue = try world.catalogue(nil)
    var walk = EvaluatedUsers(world.dataset, shards: 0..<world.dataset.shardCount, task: task)
    let blocks = try walk.next(1000)
    let evaluated = EvaluationRound(blocks, most: blocks.count, task: task)
    let round = BlendRound(
      evaluated, embedder: UserEmbedder(model, catalogue), vectors: world.vectors, grid: grid, workspace: workspace)
    try round.embed(workspace)
    try round.count(catalogue, workspace)
    let rows = round.rows(catalogue, workspace)
    var unseenTargets = 0
    for position in [0, 5, 20, 58, 150] {
      var blend = Blend(cells: [grid.weights(position)])
      blend.repeatWeight = Double(grid.repeats[position / BlendGrid.pairs])
      let text = TextBlend(world.vectors, blend)
      for (slot, user) in evaluated.users.enumerated() {
        var query = [Float](repeating: 0, count: text.width)
        Array(user.events.items[..<user.event].suffix(4)).withUnsafeBufferPointer {
          text.query($0, confidence: 0, into: &query, scratch: workspace.vector(2 * world.vectors.width))
        }
        func score(_ item: Int32) -> Float {
          var part = [Float](repeating: 0, count: text.width)
          text.copy(Int(item), into: &part)
          let own = (0..<catalogue.width).reduce(Float(0)) { $0 + round.users[slot, $1] * catalogue.embeddings[Int(item), $1] }
          return own + zip(query, part).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let bound = score(user.target)
        let others = (0..<Int32(catalogue.items)).filter {
          $0 != user.target && !catalogue.isUnseen($0) && !evaluated.isExcluded(slot, $0)
        }
        // What differs by its last bits may stand on either side.
        let (least, most) = (others.count { score($0) > bound + 1e-4 }, others.count { score($0) > bound - 1e-4 })
        #expect((least + 1...most + 1).contains(Int(rows[slot].ranks[position])), "place \(position), user \(slot)")
        if catalogue.isUnseen(user.target) { unseenTargets += 1 }
      }
    }
    #expect(unseenTargets > 10)
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

  /// A target's score, and the two parts of those of the items that compete with it: the model's, and the rest.
  private struct Contest {
    let bound: Float
    var trained: [Float] = []
    var unseen: [(model: Float, rest: Float)] = []

    /// The reciprocal rank, without unseen items or with them under a scale.
    func value(scale: Float?) -> Double {
      let passing = scale.map { scale in unseen.count { $0.model * scale + $0.rest >= bound } } ?? 0
      return 1 / Double(1 + passing + trained.count { $0 >= bound })
    }
  }

  /// What users whose next item was trained on choose from, in plain Swift.
  private func contests(_ world: BlendWorld, _ catalogue: Catalogue, _ task: EvaluationTask) throws -> [Contest] {
    let workspace = Workspace(chunkBytes: 1 << 20)
    var walk = EvaluatedUsers(world.dataset, shards: 0..<world.dataset.shardCount, task: task)
    let blocks = try walk.next(1000)
    let round = EvaluationRound(blocks, most: blocks.count, task: task)
    let embedder = UserEmbedder(world.model(SoloCommunicator()), catalogue)
    let users = workspace.matrix(round.users.count, catalogue.width)
    for slots in round.slots {
      _ = embedder.fill(round, slots)
      _ = try embedder.embed(into: users.rows(slots), workspace: workspace)
    }
    return round.users.enumerated().filter { !catalogue.isUnseen($1.target) }.map { slot, user in
      func part(_ item: Int32, _ columns: Range<Int>) -> Float {
        columns.reduce(0) { $0 + users[slot, $1] * catalogue.embeddings[Int(item), $1] }
      }
      let (own, rest) = (0..<catalogue.modelWidth, catalogue.modelWidth..<catalogue.width)
      var contest = Contest(bound: part(user.target, 0..<catalogue.width))
      for item in 0..<Int32(catalogue.items) where item != user.target && !round.isExcluded(slot, item) {
        if catalogue.isUnseen(item) {
          contest.unseen.append((part(item, own), part(item, rest)))
        } else {
          contest.trained.append(part(item, 0..<catalogue.width))
        }
      }
      return contest
    }
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
    let contests = try contests(world, catalogue, task)
    func value(_ scale: Float?) -> Double { contests.reduce(0) { $0 + $1.value(scale: scale) } }
    let allowed = BlendColdScale.scales.last { value($0) >= (1 - cost) * value(nil) }
    #expect(found.blend.unseenScale == Double(allowed ?? BlendColdScale.scales[0]))
  }

  /// The least-squares line through the spreads of items' scores, found in plain Swift, on any number of ranks.
  @Test(arguments: [0, 0.25, 1.0])
  func theTemperIsALineThroughSpreads(power: Double) throws {
    let world = try BlendWorld(items: 96, hasUnseen: true)
    let sample = RandomValues.floats(20 * 12, seed: 3, scale: 1)
    @Sendable func catalogue(_ communicator: any Communicator, growing: Bool) throws -> Catalogue {
      let counts = world.dataset.items.trainCounts
      let model = world.model(communicator, idWidth: 12)
      for row in 0..<model.items.ids.rows {
        let events = Float(counts[model.items.item(ofLocalRow: row)])
        for column in 0..<12 { model.items.ids[row, column] *= growing ? 1 + events : 1 / (1 + events) }
      }
      return try Catalogue(model, trainCounts: counts, communicator: communicator, workspace: Workspace(chunkBytes: 1 << 20))
    }
    @Sendable func temper(_ communicator: any Communicator, growing: Bool) throws -> Blend.Temper? {
      try BlendSpread(catalogue(communicator, growing: growing), communicator.rank == 0 ? sample : [], communicator).temper(
        power, trainCounts: world.dataset.items.trainCounts, workspace: Workspace(chunkBytes: 1 << 20))
    }
    let found = try temper(SoloCommunicator(), growing: true)
    #expect(try world.onRanks(3) { try temper($0, growing: true) } == [found, found, found])
    #expect(try temper(SoloCommunicator(), growing: false) == nil)
    guard power > 0 else { return #expect(found == nil) }
    let whole = try catalogue(SoloCommunicator(), growing: true)
    // The numbers live as long as the catalogue.
    defer { withExtendedLifetime(whole) {} }
    let items = whole.embeddings
    let points = (0..<items.rows).filter { world.dataset.items.trainCounts[$0] > 0 }.map { item in
      let scores = (0..<20).map { user in (0..<12).reduce(0.0) { $0 + Double(sample[user * 12 + $1] * items[item, $1]) } }
      let mean = scores.reduce(0, +) / 20
      return (
        x: log(Double(world.dataset.items.trainCounts[item])),
        y: (scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20).squareRoot()
      )
    }
    let (x, y) = (points.reduce(0) { $0 + $1.x } / Double(points.count), points.reduce(0) { $0 + $1.y } / Double(points.count))
    let growth = points.reduce(0) { $0 + ($1.x - x) * ($1.y - y) } / points.reduce(0) { $0 + ($1.x - x) * ($1.x - x) }
    let line = try #require(found)
    #expect(abs(line.growth - growth) < 1e-3 * growth && abs(line.base - (y - growth * x)) < 1e-3 * y)
    #expect(line.power == power && line.most == Double(world.dataset.items.trainCounts.max() ?? 0))
  }

  /// The temper is part of the blend, and raises what had no event along with the rarest; where it has no effect, it is said.
  @Test func aTemperComesWithTheFit() throws {
    let world = try BlendWorld(items: 96, sharers: 12, hasUnseen: true)
    func result(_ power: Double, growing: Bool) throws -> BlendFit.Result {
      let model = world.model(SoloCommunicator(), idWidth: 12)
      for row in 0..<model.items.ids.rows {
        let events = Float(world.dataset.items.trainCounts[row])
        for column in 0..<12 { model.items.ids[row, column] *= growing ? 4 + events : 1 / (1 + events) }
      }
      let fit = BlendFit(
        world.dataset, shards: 0..<world.dataset.shardCount, vectors: world.vectors, metric: "mrr",
        communicator: SoloCommunicator())
      return try #require(
        try fit.fit(
          model, world.task(), coldStart: .cost(0.2), tailTemper: power, logitScale: 1, workspace: Workspace(chunkBytes: 1 << 20))
      )
    }
    let (plain, tempered) = (try result(0, growing: true), try result(0.5, growing: true))
    let temper = try #require(tempered.blend.tailTemper)
    #expect(temper.power == 0.5 && plain.blend.tailTemper == nil && !tempered.isLeftUntempered)
    #expect(tempered.blend.unseenScale == plain.blend.unseenScale * Double(temper.scale(events: 1)))
    let none = try result(0.5, growing: false)
    #expect(none.blend.tailTemper == nil && none.isLeftUntempered && "\(none)".contains("tail_temper has no effect"))
  }

  @Test func itIsNilWithNobodyToFitOn() throws {
    let world = try BlendWorld(items: 24, users: 10, sharers: 2, hasUnseen: false)
    let nobody = world.task(evaluated: EventFilter(scene: 7, behavior: nil))
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
    for (position, expected) in gains.enumerated() { #expect(abs(gain.of(position + 1) - expected) < 1e-12) }
  }
}
