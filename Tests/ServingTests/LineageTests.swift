import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Preparation
import Runs
import Tensors
import TestSupport
import Testing
import Texts

@testable import Serving

/// A run on a data set that has grown since it was trained: known items and users as ever, new items by their texts.
struct LineageTests {
  private static let added = ["new-0", "new-1", "i7-twin"]
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A world's data set in another order and with more: items, a user, events of old users on new items, a scene.
  private func grown(_ world: ServedWorld, _ encoder: HashedEncoder, name: String) throws -> String {
    let path = folder.file("grown")
    let old = try TrainedRun(path: world.run).dataset
    var builder = DatasetBuilder()
    builder.addEvent(user: "newcomer", item: "new-0", seconds: 50_000, scene: "mail", behavior: "like")
    builder.addEvent(user: "newcomer", item: "i4", seconds: 50_001, scene: "feed", behavior: "like")
    for shard in 0..<old.shardCount {
      let users = try old.shard(shard)
      for user in (0..<users.userCount).reversed() {
        let events = users.events(user)
        for event in 0..<events.count {
          builder.addEvent(
            user: users.id(user), item: old.items.id(Int(events.items[event])), seconds: Int(events.times[event] / 1_000_000),
            scene: old.scenes[Int(events.scenes[event])], behavior: old.behaviors[Int(events.behaviors[event])])
        }
      }
    }
    for (index, item) in Self.added.enumerated() {
      builder.addEvent(user: "u\(index)", item: item, seconds: 60_000, scene: "feed", behavior: "view")
      builder.addItem(item, text: index == 2 ? "old thing" : ServedWorld.text(index + 20))
    }
    for item in 0..<ServedWorld.items { builder.addItem("i\(item)", text: ServedWorld.text(item)) }
    let dataset = try builder.write(to: path)
    let items = DatasetItems(dataset)
    _ = try TokenStatesWriter(
      folder: path, itemTableChecksum: items.checksum, tokens: encoder.maxTokens, type: .f16
    ).write(NamedSource(name: name, source: HashedSource(items: items, encoder: encoder)), items: items)
    return path
  }

  private func embeddings(_ served: ServedModel) -> [String: [Float]] {
    let items = served.catalogue.embeddings
    let width = served.catalogue.widthWithoutCodes
    return Dictionary(
      uniqueKeysWithValues: (0..<items.rows).map {
        (served.dataset.items.id($0), Array(items.rows($0..<$0 + 1).values.prefix(width)))
      })
  }

  private func areNear(_ one: [Float]?, _ other: [Float]?) -> Bool {
    guard let one, let other, one.count == other.count else { return false }
    return zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 }
  }

  private func check(_ world: ServedWorld, _ encoder: HashedEncoder, name: String, phase: String) throws {
    let path = try grown(world, encoder, name: name)
    let (own, run) = (try world.served(phase), try TrainedRun(path: world.run, data: path, allowsNewer: true))
    let served = try ServedModel(run, phase: phase)
    let lineage = try #require(run.lineage)
    #expect(lineage.known == ServedWorld.items && lineage.new == Self.added.count && lineage.gone == 0)
    let (before, after) = (embeddings(own), embeddings(served))
    for (id, embedding) in before { #expect(areNear(embedding, after[id]), "\(id)") }
    // An item that came later is what a list of new items makes of it.
    let texts = Self.added.map { id in
      "\(id),\(served.dataset.items.text(served.dataset.items.index(of: id) ?? 0))\n"
    }
    if name == "hashed" {
      let list = try NewItems(
        path: try folder.write("new.csv", "item,text\n" + texts.joined()), states: nil, served: own)
      let storage = Storage<Float>(count: list.count * own.width)
      let found = Matrix(storage.base, rows: list.count, columns: own.width)
      try NewItems.findNeighbors(list, served: own)
      list.embed(0..<list.count, into: found)
      for (row, id) in list.list.ids.enumerated() {
        let expected = Array(found.rows(row..<row + 1).values.prefix(own.catalogue.widthWithoutCodes))
        #expect(areNear(after[id], expected), "\(id)")
      }
    }
    #expect(Self.added.allSatisfy { after[$0]?.contains { $0 != 0 } == true })
    // u9 has the same events in both, so the same list, but for items that are new and codes, which are by row.
    let events = try #require(try Lookup(served.dataset).events(ofUser: "u9"))
    var rules = Recommender.Rules()
    rules.count = 100
    let recommended = try Recommender(served, rules: rules).recommend([events])[0].items
    #expect(recommended.count == served.dataset.items.count)
    guard !(own.catalogue.text?.hasCodes ?? false) else { return }
    let known = try Recommender(own, rules: rules).recommend([try #require(try Lookup(own.dataset).events(ofUser: "u9"))])[0]
      .items
    let names = recommended.map { served.dataset.items.id($0.item) }.filter { !Self.added.contains($0) }
    #expect(names == known.map { own.dataset.items.id($0.item) })
  }

  @Test(arguments: ["universal", "like"])
  func knownItemsStayAndNewOnesAreEmbedded(phase: String) throws {
    let hashed = HashedEncoder(dimension: 8, maxTokens: 4)
    try check(try ServedWorld.hashed(), hashed, name: "hashed", phase: phase)
  }

  @Test(arguments: ["universal", "like"])
  func theBlendIsThatOfTheRun(phase: String) throws {
    let hashed = HashedEncoder(dimension: 8, maxTokens: 4)
    try check(try ServedWorld.blended(), hashed, name: "hashed", phase: phase)
  }

  @Test func theBlendWithALanguageModelsStatesToo() throws {
    let encoder = HashedEncoder(dimension: 6, maxTokens: 4)
    try check(try ServedWorld.blendedForeign(), encoder, name: "made-up-model", phase: "universal")
  }

  /// N ranks equal one, to the last byte of each file but the record, which has the time.
  @Test func ranksExportTheSameBytes() throws {
    let world = try ServedWorld.blended()
    let data = try grown(world, HashedEncoder(dimension: 8, maxTokens: 4), name: "hashed")
    let fresh = try FreshEvents(
      path: try folder.write("events.csv", "user,item,timestamp\nu1,new-0,70000\nvisitor,i3,70001\n"),
      dataset: try Dataset(path: data))
    for events in [nil, fresh] {
      var expected: [Data] = []
      for ranks in 1...3 {
        let path = folder.file("export-\(ranks)-\(events == nil)")
        try RankThreads.run(ranks: ranks) { communicator in
          let served = try ServedModel(
            try TrainedRun(path: world.run, data: data, allowsNewer: true), communicator: communicator, mayStream: true)
          try EmbeddingExport(served, version: "1", events: events).write(to: path)
        }
        let found = try ["items.safetensors", "items.txt", "users.safetensors", "users.txt"].map {
          try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)"))
        }
        if ranks == 1 { expected = found } else { #expect(found == expected, "\(ranks) ranks") }
      }
      #expect(events == nil || String(decoding: expected[3], as: UTF8.self) == "u1\nvisitor\n")
    }
  }

  @Test func whatDoesNotBelongTogetherIsRefused() throws {
    let world = try ServedWorld.hashed()
    var builder = DatasetBuilder()
    for second in 0..<3 { builder.addEvent(user: "x", item: "other\(second)", seconds: second) }
    let other = try builder.write(to: folder.file("other"))
    _ = try TokenStatesWriter(
      folder: other.path, itemTableChecksum: DatasetItems(other).checksum, tokens: 4, type: .f16
    ).write(
      HashedSource(items: DatasetItems(other), encoder: HashedEncoder(dimension: 8, maxTokens: 4)), items: DatasetItems(other))
    func refusal(_ data: String, trainedOn: String? = nil, allowsNewer: Bool = true) throws -> String {
      let error = #expect(throws: InputError.self) {
        let run = try TrainedRun(path: world.run, data: data, trainedOn: trainedOn, allowsNewer: allowsNewer)
        _ = try ServedModel(run)
      }
      return error?.description ?? ""
    }
    #expect(try refusal(other.path).contains("has no item of"))
    let data = try grown(world, HashedEncoder(dimension: 6, maxTokens: 4), name: "hashed")
    #expect(try refusal(data, allowsNewer: false).contains("has changed since"))
    #expect(try refusal(data).contains("encode the data set in the same way"))
    #expect(try refusal(data, trainedOn: other.path).contains("is not the data set that"))
    #expect(try refusal(data, trainedOn: folder.file("nowhere")).contains("give its folder with --trained-on"))
  }
}
