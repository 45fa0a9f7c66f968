import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Model
import Preparation
import Runs
import Tensors
import TestSupport
import Testing
import Texts

@testable import Config
@testable import Serving

/// Export, recommendation and scores of a run whose scores are blended with text: all are products of the same rows.
struct BlendedServingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A phase whose text speaks.
  private func served(_ world: ServedWorld, _ phase: String = "universal") throws -> ServedModel {
    let served = try world.served(phase)
    let text = try #require(served.catalogue.text)
    #expect(text.blend.cells.contains { $0.strength > 0 } && served.width == served.catalogue.modelWidth + text.width)
    return served
  }

  private func export(
    _ served: ServedModel, _ name: String, history: ServedModel.HistoryExtent = .all, newItems: NewItems? = nil
  ) throws -> (items: [[Float]], users: [[Float]], userIDs: [String]) {
    var export = EmbeddingExport(served, version: "1.2.3")
    export.history = history
    let path = folder.file(name)
    try export.write(to: path, newItems: newItems)
    func rows(_ kind: String) throws -> [[Float]] {
      let values = try SafetensorsFile(path: "\(path)/\(kind).safetensors").floats("embeddings", shape: [nil, served.width])
      return stride(from: 0, to: values.count, by: served.width).map { Array(values[$0..<$0 + served.width]) }
    }
    let ids = try String(contentsOfFile: "\(path)/users.txt", encoding: .utf8).split(separator: "\n").map(String.init)
    return (try rows("items"), try rows("users"), ids)
  }

  private func product(_ one: [Float], _ other: [Float]) -> Float { zip(one, other).reduce(0) { $0 + $1.0 * $1.1 } }

  /// The exported files alone, multiplied in plain Swift, rank as evaluation with text does.
  @Test(arguments: ["universal", "like"], [false, true])
  func exportedProductsRankAsEvaluationDoes(phase: String, isForeign: Bool) throws {
    let served = try served(isForeign ? .blendedForeign() : .blended(), phase)
    let dataset = served.dataset
    let (items, users, ids) = try export(served, "e", history: .training)
    let buckets = PopularityBuckets(trainCounts: dataset.items.trainCounts)
    var metrics = RankingMetrics(cutoffs: [1, 5, 10])
    for (row, id) in ids.enumerated() {
      let index = try #require(try dataset.find(user: id))
      let events = try dataset.shard(index.shard).events(index.user)
      guard let event = events.validation, served.plan.evaluated.matches(events, event) else { continue }
      let scores = items.map { product(users[row], $0) }
      let target = Int(events.items[event])
      metrics.add(rank: scores.count { !($0 < scores[target]) }, groups: buckets.buckets(of: target))
    }
    let expected = try Evaluator(
      dataset, shards: 0..<dataset.shardCount, cutoffs: [1, 5, 10], communicator: SoloCommunicator(),
      text: served.run.text(served.plan)
    ).evaluate(served.model, served.plan.task(.validation, filterSeen: false), workspace: Workspace())
    #expect(metrics.users(in: "all") == expected.users(in: "all") && expected.users(in: "all") > 5)
    for (found, wanted) in zip(metrics.means(of: "all"), expected.means(of: "all")) {
      #expect(abs(found.value - wanted.value) < 1e-9, "\(wanted.name)")
    }
  }

  @Test func scoresAndRecommendationsAreProductsOfExportedRows() throws {
    let served = try served(.blended())
    let (items, users, ids) = try export(served, "e")
    let pairs = (0..<200).map { (user: $0 * 7 % ids.count, item: $0 * 11 % items.count) }
    let path = try folder.write(
      "pairs.csv", "user,item\n" + pairs.map { "\(ids[$0.user]),\(served.dataset.items.id($0.item))\n" }.joined())
    _ = try PairScorer(served).score(pairs: path, to: folder.file("scores.csv"))
    let lines = try String(contentsOfFile: folder.file("scores.csv"), encoding: .utf8).split(separator: "\n").dropFirst()
    #expect(lines.count == pairs.count)
    for (line, pair) in zip(lines, pairs) {
      let score = try #require(Float(line.split(separator: ",")[2]))
      let expected = product(users[pair.user], items[pair.item])
      #expect(abs(score - expected) < 1e-4 * max(1, abs(expected)), "\(line)")
    }
    var rules = Recommender.Rules()
    rules.count = items.count
    for user in [0, 11, 29] {
      let events = try #require(try Lookup(served.dataset).events(ofUser: ids[user]))
      let found = try Recommender(served, rules: rules).recommend([events])[0].items
      #expect(found.count == items.count)
      for entry in found {
        let expected = product(users[user], items[entry.item])
        #expect(abs(entry.score - expected) < 1e-4 * max(1, abs(expected)))
      }
    }
  }

  /// Cosines of what items are alike by: an item of the same code is no more like another for it.
  @Test func codesDoNotMakeItemsAlike() throws {
    let served = try served(.blended())
    let (items, _, _) = try export(served, "e")
    let record = try String(contentsOfFile: folder.file("e") + "/export.json", encoding: .utf8)
    #expect(record.contains("\"code_width\": \(ItemCode.width)"), "\(record)")
    let plain = items.map { Array($0[..<served.catalogue.widthWithoutCodes]) }
    var rules = Recommender.Rules()
    rules.count = 1_000
    let found = try Recommender(served, rules: rules).similar(to: 3).items
    #expect(found.count > 10)
    for entry in found {
      let (one, other) = (plain[3], plain[entry.item])
      let expected = product(one, other) / (product(one, one) * product(other, other)).squareRoot()
      #expect(abs(entry.score - expected) < 1e-4, "item \(entry.item)")
    }
  }

  /// A cold item of the catalogue and a new one of the same text: the same neighbors, the same scale, the same vector.
  @Test func aNewItemLandsBesideItsUnseenTwin() throws {
    let served = try served(.blended())
    let cold = try #require(served.dataset.items.index(of: "i\(ServedWorld.items - 1)"))
    #expect(served.dataset.items.trainCounts[cold] == 0)
    let path = try folder.write("new.csv", "item,text\nnew,\(ServedWorld.text(ServedWorld.items - 1))\nnone,!!!\n")
    let (items, users, _) = try export(served, "e", newItems: NewItems(path: path, states: nil, served: served))
    // But for their codes, by which two items are told apart.
    let width = served.catalogue.widthWithoutCodes
    let (known, new, none) = (
      items[cold].prefix(width), items[items.count - 2].prefix(width), items[items.count - 1].prefix(width)
    )
    #expect(items.count == served.dataset.items.count + 2)
    #expect(served.width == width + ItemCode.width)
    for row in [cold, items.count - 2, items.count - 1] {
      #expect(items[row][width...].enumerated().allSatisfy { $1 == ($0 == ItemCode.column(row) ? 1 : 0) }, "row \(row)")
    }
    let idWidth = served.model.shape.fusion.idWidth
    #expect(zip(new, known).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($1)) })
    #expect(new[served.catalogue.modelWidth...].elementsEqual(known[served.catalogue.modelWidth...]))
    // Not the mean of all rows, which an item without a word has.
    let scale = Float(try #require(served.catalogue.text).blend.unseenScale)
    let mean = served.catalogue.meanID.values.map { scale * $0 }
    #expect(zip(none[..<idWidth], mean).allSatisfy { abs($0 - $1) < 1e-6 } && none[idWidth...].allSatisfy { $0 == 0 })
    #expect(!zip(new[..<idWidth], mean).allSatisfy { abs($0 - $1) < 1e-6 })
    for user in users {
      let (user, known, new) = (Array(user.prefix(width)), Array(known), Array(new))
      let expected = product(user, known)
      #expect(abs(product(user, new) - expected) < 1e-4 * max(1, abs(expected)))
    }
  }

  /// A list of several blocks: where an item stands in it tells nothing of its neighbors.
  @Test func newItemsOfTheSameTextAreAlikeInEveryBlock() throws {
    let served = try served(.blended())
    let rows = (0..<2100).map { "n\($0),\(ServedWorld.text($0 % 7))\n" }
    let path = try folder.write("new.csv", "item,text\n" + rows.joined())
    let items = try export(served, "e", newItems: NewItems(path: path, states: nil, served: served)).items.suffix(2100)
    let ids = items.map { Array($0.prefix(served.model.shape.fusion.idWidth)) }
    #expect(ids.indices.allSatisfy { ids[$0] == ids[$0 % 7] })
    #expect(Set(ids[..<7]).count > 1)
  }

  /// The same with a language model's states, which come in a file.
  @Test func aNewItemWithStatesLandsBesideItsTwin() throws {
    let served = try served(.blendedForeign())
    let (cold, text) = ("i\(ServedWorld.items - 1)", ServedWorld.text(ServedWorld.items - 1))
    let row = try #require(served.dataset.items.index(of: cold))
    let states = try #require(served.run.states)
    var values = [Float](repeating: 0, count: states.tokenCount(row) * states.dimension)
    states.copyStates(row, into: &values)
    var writer = try SafetensorsWriter(
      path: folder.file("s.safetensors"),
      tensors: [TensorSpec("offsets", .i64, [2]), TensorSpec("states", .f32, [states.tokenCount(row), states.dimension])],
      metadata: ["encoder": "made-up-model"])
    try writer.write([0, Int64(states.tokenCount(row))])
    try writer.write(values)
    try writer.finish()
    try folder.write("s.safetensors.ids.txt", "new\n")
    let path = try folder.write("new.csv", "item,text\nnew,\(text)\n")
    let new = try NewItems(path: path, states: .states(folder.file("s.safetensors")), served: served)
    let items = try export(served, "e", newItems: new).items
    let known = items[row].prefix(served.catalogue.widthWithoutCodes)
    #expect(zip(known, items[items.count - 1]).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($0)) })
    let semantic = known.suffix(try #require(served.catalogue.text?.vectors.axes).count)
    #expect(semantic.contains { $0 != 0 })
  }

  /// Byte for byte, with new items that rank 0 alone knows of, whole and streamed.
  @Test func ranksExportWhatOneDoes() throws {
    let world = try ServedWorld.blended()
    let path = try folder.write("new.csv", "item,text\nnew,red thing\nnewer,blue thing\n")
    let streamed = folder.file("streamed")
    try FileManager.default.copyItem(atPath: world.run, toPath: streamed)
    var config = try ConfigReader.read(file: "\(streamed)/config.yaml")
    config.evaluation.catalogueMib = 0
    try Data(ConfigWriter.text(config).utf8).write(to: URL(fileURLWithPath: "\(streamed)/config.yaml"))
    var expected: [Data] = []
    for (ranks, streams) in [(1, false), (1, true), (2, true), (3, false), (5, true)] {
      let output = folder.file("e-\(ranks)-\(streams)")
      try RankThreads.run(ranks: ranks) { communicator in
        let served = try ServedModel(
          try TrainedRun(path: streams ? streamed : world.run), phase: "universal", communicator: communicator, mayStream: true)
        #expect(served.catalogue.isWhole == !streams)
        let new = communicator.rank == 0 ? try NewItems(path: path, states: nil, served: served) : nil
        try EmbeddingExport(served, version: "1.2.3").write(to: output, newItems: new)
      }
      let found = try ["items", "users"].map { try Data(contentsOf: URL(fileURLWithPath: "\(output)/\($0).safetensors")) }
      expected = expected.isEmpty ? found : expected
      #expect(found == expected, "\(ranks) ranks, streamed: \(streams)")
    }
  }
}
