import Collectives
import Datasets
import Model
import Tensors
import TestSupport
import Testing

@testable import Evaluation

struct BaselineTests {
  private let world: TinyWorld

  init() throws { world = try TinyWorld() }

  /// Token means of four columns; items 3 and 10 have no text.
  private static func pool(_ item: Int, _ vector: UnsafeMutableBufferPointer<Float>) -> Bool {
    guard item != 3 && item != 10 else { return false }
    for (column, value) in RandomValues.floats(4, seed: UInt64(item), scale: 1).enumerated() { vector[column] = value + 5 }
    return true
  }

  private func texts(bytes: Int = 1 << 20) throws -> ComputedVectors {
    try CenteredTexts.make(
      items: world.dataset.items.count, width: 4, communicator: SoloCommunicator(), workspace: world.workspace, bytes: bytes,
      pool: Self.pool)
  }

  private func rows(_ vectors: ComputedVectors) throws -> [[Float]] {
    var rows: [[Float]] = []
    try vectors.forEachBlock(workspace: world.workspace) { range, block in
      #expect(range.lowerBound == rows.count)
      rows += (0..<block.rows).map { Array(UnsafeBufferPointer(start: block.row($0), count: 4)) }
    }
    return rows
  }

  @Test func textsAreCenteredAndOfLengthOne() throws {
    let whole = try texts()
    let found = try rows(whole)
    let pooled = (0..<24).map { item -> [Float]? in
      var vector = [Float](repeating: 0, count: 4)
      return vector.withUnsafeMutableBufferPointer { Self.pool(item, $0) } ? vector : nil
    }
    let known = pooled.compactMap { $0 }
    let mean = (0..<4).map { column in known.reduce(0.0) { $0 + Double($1[column]) } / 22 }
    for (vector, pooled) in zip(found, pooled) {
      let centered = pooled.map { zip($0, mean).map { Double($0) - $1 } } ?? [0, 0, 0, 0]
      let length = centered.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for (one, other) in zip(vector, centered) { #expect(abs(Double(one) - (length > 0 ? other / length : 0)) < 1e-5) }
    }
    let streamed = try texts(bytes: 0)
    #expect(whole.isWhole && !streamed.isWhole)
    #expect(try rows(streamed) == found)
    let wanted: [Int32] = [2, 3, 23]
    for vectors in [whole, streamed] {
      let out = world.workspace.matrix(3, 4)
      try wanted.withUnsafeBufferPointer { try vectors.embed($0, into: out, workspace: world.workspace) }
      #expect(out.values == wanted.flatMap { found[Int($0)] })
    }
  }

  @Test func historyByHand() {
    #expect(OwnHistoryScorer.sorted([7, 8, 9] as [Int32]) == [9, 8, 7])
    #expect(OwnHistoryScorer.sorted([7, 8, 7, 9, 8, 5] as [Int32]) == [8, 7, 5, 9])
    #expect(OwnHistoryScorer.sorted([] as [Int32]).isEmpty)
  }

  @Test func popularityByHand() {
    let order = PopularityOrder(lasting([3, 0, 5, 3, 1]))
    #expect(order.rows == [2, 0, 3, 4, 1])
    #expect((Int32(0)..<5).map { order.notBelow($0) } == [3, 5, 1, 3, 4])
    #expect(order.notBelow(4, among: [1, 2, 3] as [Int32]) == 2)
  }

  @Test(arguments: [EvaluationTask.Split.validation, .test], [false, true])
  func everythingIsThatOfAPlainLoop(split: EvaluationTask.Split, filterSeen: Bool) throws {
    for evaluated in [EventFilter.all, EventFilter(scene: 1, behavior: nil)] {
      let task = world.task(split, evaluated: evaluated, history: evaluated, filterSeen: filterSeen)
      let vectors = try texts()
      let standings = try world.evaluator().compare(
        world.model(), task, texts: vectors, keepsRanks: true, workspace: world.workspace)
      #expect(standings.map(\.ranking) == [.model, .popularity, .text, .history])
      let plain = PlainRankings(dataset: world.dataset, task: task, texts: try rows(vectors))
      for standing in standings { try compare(standing, plain) }
    }
  }

  private func compare(_ standing: Standing, _ plain: PlainRankings) throws {
    let users = try plain.users()
    guard let first = users.first(where: { !$0.isEmpty })?.first, plain.scores(standing.ranking, first) != nil else { return }
    let ranks = users.map { $0.map { plain.rank(plain.scores(standing.ranking, $0) ?? [], $0) } }
    #expect(standing.ranks == ranks.map { $0.map(Int32.init) }, "\(standing.ranking)")
    let lists = users.joined().map { plain.first(10, plain.scores(standing.ranking, $0) ?? [], $0) }
    let expected = plain.recommended(Array(lists))
    let found = try #require(standing.recommended)
    #expect(found.limit == 10 && found.items == 24 && found.distinct == expected.distinct, "\(standing.ranking)")
    #expect(abs(try #require(found.novelty) - expected.novelty) < 1e-12)
    for (scene, name) in world.dataset.scenes.enumerated() {
      let group = MetricGroup(kind: .scene, name: name)
      let own = zip(users.joined(), ranks.joined()).filter { $0.0.scene == scene }.map(\.1)
      #expect(standing.metrics.users(in: group) == own.count)
      guard !own.isEmpty else { continue }
      let mrr = try #require(standing.metrics.estimates(of: group).last)
      #expect(abs(mrr.mean - own.reduce(0) { $0 + 1 / Double($1) } / Double(own.count)) < 1e-12)
    }
    try compareDeciles(standing.metrics, targets: users.joined().map(\.target), ranks: Array(ranks.joined()))
    // Six buckets, ten deciles and two scenes; one behavior has no rows of its own.
    #expect(standing.metrics.groups.count == 18)
  }

  /// The reciprocal ranks of each tenth of the trained items.
  private func compareDeciles(_ metrics: RankingMetrics, targets: [Int], ranks: [Int]) throws {
    let counts = Array(world.dataset.items.trainCounts)
    let trained = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$0], $1) > (counts[$1], $0) }
    for (decile, group) in metrics.groups.filter({ $0.kind == .decile }).enumerated() {
      let items = trained[decile * trained.count / 10..<(decile + 1) * trained.count / 10]
      let own = zip(targets, ranks).filter { items.contains($0.0) }.map(\.1)
      #expect(metrics.users(in: group) == own.count, "\(group.name)")
      guard !own.isEmpty else { continue }
      let mrr = try #require(metrics.estimates(of: group).last)
      #expect(abs(mrr.mean - own.reduce(0) { $0 + 1 / Double($1) } / Double(own.count)) < 1e-12, "\(group.name)")
    }
  }

  @Test func theModelIsMeasuredAsInTraining() throws {
    let model = world.model()
    for filterSeen in [false, true] {
      let task = world.task(.test, filterSeen: filterSeen)
      let metrics = try world.evaluator().evaluate(model, task, workspace: world.workspace)
      let standings = try world.evaluator().compare(model, task, baselines: false, workspace: world.workspace)
      #expect(standings.count == 1 && standings[0].ranks.isEmpty)
      for group in MetricGroup.buckets {
        #expect(standings[0].metrics.estimates(of: group) == metrics.estimates(of: group))
        #expect(standings[0].metrics.users(in: group) == metrics.users(in: group))
      }
    }
  }

  @Test func withoutTextsThereIsNoSearch() throws {
    let standings = try world.evaluator().compare(world.model(), world.task(.test), workspace: world.workspace)
    #expect(standings.map(\.ranking) == [.model, .popularity, .history])
  }

  @Test func aCollapsedModelRecommendsTheFirstRows() throws {
    let model = world.model()
    for index in 0..<model.items.ids.count { model.items.ids.base[index] = 1 }
    let found = try world.evaluator().compare(model, world.task(.test), baselines: false, workspace: world.workspace)
    #expect(found[0].recommended?.distinct == 10 && found[0].metrics.value(of: "recall@10") == 0)
    for index in 0..<model.items.ids.count { model.items.ids.base[index] = .nan }
    let broken = try world.evaluator().compare(model, world.task(.test), baselines: false, workspace: world.workspace)
    #expect(broken[0].recommended?.distinct == 0 && broken[0].recommended?.novelty == nil)
  }
}
