import Collectives
import Datasets
import Model
import Tensors
import TestSupport
import Testing
import Texts

@testable import Evaluation

/// The catalogue and the users' embeddings with a text half.
struct CatalogueTextTests {
  private let world: BlendWorld
  private let workspace = Workspace(chunkBytes: 1 << 20)

  init() throws { world = try BlendWorld(items: 96, hasUnseen: true) }

  private func row(_ matrix: Matrix, _ row: Int) -> [Float] { matrix.rows(row..<row + 1).values }

  @Test func textStandsBehindWhatTheModelMakes() throws {
    let (plain, blended) = (try world.catalogue(nil), try world.catalogue(world.blend))
    #expect(plain.width == 12 && blended.width == 12 + world.blend.width && blended.modelWidth == 12)
    let unseen = world.unseen
    let texts = workspace.matrix(unseen.count, world.vectors.width)
    for (index, item) in unseen.enumerated() { world.vectors.copy(item, into: texts.row(index)) }
    let ids = workspace.matrix(unseen.count, 6)
    try plain.cold.fill(ids, texts: texts, own: unseen.map { Int32($0) }, vectors: world.vectors, workspace: workspace)
    for item in 0..<world.dataset.items.count {
      let (found, own) = (row(blended.embeddings, item), row(plain.embeddings, item))
      #expect(Array(found[12...]) == world.text(of: item) + BlendWorld.code(item), "item \(item)")
      guard let index = unseen.firstIndex(of: item) else {
        #expect(Array(found[..<12]) == own, "item \(item)")
        continue
      }
      // Without a training event: the neighbors' ID half, the semantic half, and both larger.
      #expect(Array(own[..<6]) == plain.meanID.values)
      #expect(Array(found[..<12]) == (row(ids, index) + own[6...]).map { 1.75 * $0 }, "item \(item)")
    }
  }

  @Test func theModelReadsUnscaledItemsWithoutText() throws {
    let (plain, blended) = (try world.catalogue(nil), try world.catalogue(world.blend))
    let rows = (world.unseen.prefix(5) + [0, 1, 2]).sorted().map { Int32($0) }
    let inputs = workspace.matrix(rows.count, 12)
    try rows.withUnsafeBufferPointer { rows in
      let embeddings = workspace.matrix(rows.count, blended.width)
      try blended.embed(rows, into: embeddings, workspace: workspace)
      blended.inputs(rows, from: embeddings, into: inputs)
    }
    for (index, item) in rows.enumerated() {
      let (found, own) = (row(inputs, index), row(plain.embeddings, Int(item)))
      // The semantic half is the model's own; the ID half of an unseen item is that of its neighbors.
      #expect(zip(found[6...], own[6...]).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) }, "item \(item)")
      #expect((Array(found[..<6]) == Array(own[..<6])) == !world.unseen.contains(Int(item)), "item \(item)")
    }
  }

  /// What is rare is scaled up in the score and read as it was trained.
  @Test func rareItemsAreBroughtUp() throws {
    var blend = world.blend.blend
    let temper = Blend.Temper(power: 0.5, base: 2, growth: 0.75, most: Double(world.dataset.items.trainCounts.max() ?? 1))
    blend.tailTemper = temper
    let (plain, blended) = (try world.catalogue(nil), try world.catalogue(TextBlend(world.vectors, blend)))
    let rows = (0..<Int32(world.dataset.items.count)).filter { !plain.isUnseen($0) }
    let inputs = workspace.matrix(rows.count, 12)
    try rows.withUnsafeBufferPointer { rows in
      let embeddings = workspace.matrix(rows.count, blended.width)
      try blended.embed(rows, into: embeddings, workspace: workspace)
      blended.inputs(rows, from: embeddings, into: inputs)
    }
    var scales: Set<Float> = []
    for (index, item) in rows.enumerated() {
      let scale = temper.scale(events: world.dataset.items.trainCounts[Int(item)])
      scales.insert(scale)
      let (found, own) = (row(blended.embeddings, Int(item)), row(plain.embeddings, Int(item)))
      #expect(Array(found[..<12]) == own.map { scale * $0 }, "item \(item)")
      #expect(Array(found[12...]) == world.text(of: Int(item)) + BlendWorld.code(Int(item)))
      #expect(zip(row(inputs, index), own).allSatisfy { abs($0 - $1) <= 1e-6 * abs($1) }, "item \(item)")
    }
    #expect(scales.count > 3 && scales.min() == 1)
  }

  /// [h ; Σ β ρᵏ t], with the weights of the user's cell.
  @Test func usersAskForTheTextsOfTheirNewestEvents() throws {
    let seen = try BlendWorld(items: 96, hasUnseen: false)
    let model = seen.model(SoloCommunicator())
    let (plain, blended) = (try seen.catalogue(nil), try seen.catalogue(seen.blend))
    let shard = try seen.dataset.shard(0)
    let embedders = [UserEmbedder(model, plain), UserEmbedder(model, blended)]
    let found = try embedders.map { embedder in
      for user in 0..<shard.userCount {
        let events = shard.events(user)
        History(filter: .all, length: 4).append(events, before: events.count, slot: user, to: embedder.batch)
      }
      let users = workspace.matrix(embedder.batch.users, embedder.width)
      _ = try embedder.embed(into: users, workspace: workspace)
      return users
    }
    var cells: Set<Int> = []
    for user in 0..<shard.userCount {
      #expect(Array(row(found[1], user)[..<12]) == row(found[0], user), "user \(user)")
      let history = embedders[1].batch.history(of: user)
      let likeness = seen.vectors.likeness(history, scratch: workspace.vector(2 * seen.vectors.width))
      let cell = likeness >= 0.12 ? 1 : 0
      cells.insert(cell)
      var expected = [Float](repeating: 0, count: seen.vectors.width) + BlendWorld.code(Int(history[history.count - 1]), -1.25)
      for (weight, item) in zip(seen.blend.blend.cells[cell].lags, history.reversed()) {
        for (column, value) in seen.text(of: Int(item)).enumerated() { expected[column] += weight * value }
      }
      #expect(zip(row(found[1], user)[12...], expected).allSatisfy { abs($0 - $1) < 1e-5 }, "user \(user)")
    }
    #expect(cells == [0, 1])
  }

  /// Whole or streamed, on any number of ranks: the same bits.
  @Test func embeddingsAreFunctionsOfTheItem() throws {
    let world = try BlendWorld(items: 4104, users: 10, sharers: 30, hasUnseen: true)
    let walk: @Sendable (any Communicator, Int) throws -> [Float] = { communicator, bytes in
      let workspace = Workspace(chunkBytes: 1 << 20)
      let catalogue = try world.catalogue(world.blend, communicator, bytes: bytes)
      #expect(catalogue.isWhole == (bytes > 0))
      var walked: [Float] = []
      try catalogue.forEachBlock(workspace: workspace) { walked += $1.values }
      return walked
    }
    let expected = try walk(SoloCommunicator(), Catalogue.defaultBytes)
    #expect(expected.count == world.dataset.items.count * (12 + world.blend.width))
    for (ranks, bytes) in [(1, 0), (2, Catalogue.defaultBytes), (3, 0), (5, 0)] {
      let found = try world.onRanks(ranks) { try walk($0, bytes) == expected }
      #expect(found == Array(repeating: true, count: ranks), "\(ranks) ranks, \(bytes) bytes")
    }
  }

  @Test(arguments: [1, 2, 3, 5], [false, true])
  func metricsDoNotDependOnTheNumberOfRanks(ranks: Int, streams: Bool) throws {
    let world = world
    let measure: @Sendable (any Communicator, Int) throws -> RankingMetrics = { communicator, bytes in
      let evaluator = Evaluator(
        world.dataset, shards: world.shards(of: communicator), cutoffs: [5, 10], communicator: communicator, text: world.blend,
        catalogueBytes: bytes)
      return try evaluator.evaluate(world.model(communicator), world.task(), workspace: Workspace(chunkBytes: 1 << 20))
    }
    let expected = try measure(SoloCommunicator(), Catalogue.defaultBytes)
    let found = try world.onRanks(ranks) { try measure($0, streams ? 0 : Catalogue.defaultBytes) }
    #expect(expected.users(in: "all") == world.users && found == Array(repeating: expected, count: ranks))
  }
}
