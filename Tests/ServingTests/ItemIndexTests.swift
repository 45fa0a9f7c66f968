import Datasets
import Evaluation
import Files
import Foundation
import Runs
import Tensors
import TestSupport
import Testing

@testable import Serving

/// An index of a model, and what is recommended by it.
struct ItemIndexTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ served: ServedModel, _ name: String = "index", overwrite: Bool = false) throws -> String {
    var index = IndexFolder(served)
    (index.builder.neighbors, index.builder.buildWidth, index.overwrite, index.version) = (4, 40, overwrite, "9")
    _ = try index.write(to: folder.file(name), run: "run")
    return folder.file(name)
  }

  private func rules(_ count: Int, scene: Int? = nil, filterSeen: Bool = false) -> Recommender.Rules {
    var rules = Recommender.Rules()
    (rules.count, rules.scene, rules.excludesSeen) = (count, scene, filterSeen)
    return rules
  }

  private func users(_ served: ServedModel) throws -> [UserEvents] {
    try (0..<ServedWorld.users).map { try #require(try Lookup(served.dataset).events(ofUser: "u\($0)")) }
  }

  @Test func theRecordSaysWhatTheIndexIsOf() throws {
    let served = try ServedWorld.blended().served()
    let path = try write(served)
    let record = try IndexRecord(folder: path)
    #expect((record.phase, record.step, record.run, record.version) == ("like", served.step, "run", "9"))
    #expect((record.items, record.width, record.codeWidth) == (ServedWorld.items, served.width, 64))
    #expect((record.neighbors, record.buildWidth, record.recallAt) == (4, 40, ServedWorld.items))
    #expect((record.measuredUsers, record.linkingUsers) == (20, 20))
    #expect((record.recall ?? 0) >= 0.98 && record.wantedRecall == 0.98)
    // Eight links of thirty items each are all of them: no breadth is of use.
    #expect(record.similarSearchWidth == 0 && record.similarRecall != nil)
    #expect((record.queriesPerSecond ?? 0) > 0 && (record.exactQueriesPerSecond ?? 0) > 0)
    #expect(record.checksum == Int(try CRC32.of(file: "\(path)/items.hnsw")))
    let ids = try String(contentsOfFile: "\(path)/items.txt", encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(ids == (0..<served.dataset.items.count).map(served.dataset.items.id))
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["index.json", "items.hnsw", "items.txt"])
    let again = try write(served, "again")
    #expect(FileManager.default.contentsEqual(atPath: "\(path)/items.hnsw", andPath: "\(again)/items.hnsw"))
  }

  @Test func onlyAnEarlierIndexIsReplacedAndOnlyWhenTold() throws {
    let served = try ServedWorld.hashed().served()
    let path = try write(served)
    let error = #expect(throws: InputError.self) { try write(served) }
    #expect(error?.description == "\(path) is an index already; give --overwrite to replace it or name another folder")
    #expect(try write(served, overwrite: true) == path)
    try FileManager.default.createDirectory(atPath: folder.file("home"), withIntermediateDirectories: false)
    try folder.write("home/letter", "dear")
    #expect(throws: InputError.self) { try write(served, "home", overwrite: true) }
    #expect(try folder.names() == ["home", "index"])
  }

  /// With an index and without: the same items, and the same scores bit for bit.
  @Test(arguments: [false, true]) func recommendsWhatAllProductsDo(filterSeen: Bool) throws {
    let served = try ServedWorld.blended().served()
    let index = try ItemIndex(path: try write(served), for: served)
    let users = try users(served)
    // What the index finds of 30 items, and everything, which it is not asked for.
    for count in [3, 100] {
      let rules = rules(count, filterSeen: filterSeen)
      let found = try IndexedRecommender(served, index: index, rules: rules).recommend(users).map(\.items)
      let expected = try Recommender(served, rules: rules).recommend(users).map(\.items)
      let hits = zip(found, expected).reduce(0) { $0 + Set($1.0.map(\.item)).intersection($1.1.map(\.item)).count }
      #expect(found.map(\.count) == expected.map(\.count))
      #expect(Double(hits) >= 0.95 * Double(expected.reduce(0) { $0 + $1.count }))
      for (one, other) in zip(found, expected) {
        let scores = Dictionary(uniqueKeysWithValues: other.map { ($0.item, $0) })
        #expect(one.allSatisfy { entry in scores[entry.item].map { $0 == entry } ?? true })
      }
      if count == 100 { #expect(found == expected) }
    }
  }

  @Test func aSceneAndSeenItemsAreLeftOutBySearchingOn() throws {
    let served = try ServedWorld.hashed().served()
    let index = try ItemIndex(path: try write(served), for: served)
    let (scene, users) = (try Lookup(served.dataset).scene("feed"), try users(served))
    let rules = rules(2, scene: scene, filterSeen: true)
    let found = try IndexedRecommender(served, index: index, rules: rules).recommend(users).map(\.items)
    let expected = try Recommender(served, rules: rules).recommend(users).map(\.items)
    #expect(found.map(\.count) == expected.map(\.count))
    for entry in found.joined() { #expect(served.dataset.items.scenes(entry.item).contains(scene) && !entry.isSeen) }
    #expect(zip(found, expected).count { $0 == $1 } > 30)
  }

  /// Cosines, sums and weights once more in plain Swift.
  @Test func aWalkSumsWhatTheNewestEventsAreLike() throws {
    let served = try ServedWorld.blended().served()
    let (embeddings, columns) = (served.catalogue.embeddings, served.catalogue.widthWithoutCodes)
    func product(_ one: Int, _ other: Int) -> Double {
      (0..<columns).reduce(0) { $0 + Double(embeddings[one, $1]) * Double(embeddings[other, $1]) }
    }
    func like(_ item: Int, _ reach: Int) -> [(item: Int, cosine: Double)] {
      let all = (0..<ServedWorld.items).filter { $0 != item && product($0, $0) > 0 }.map {
        (item: $0, cosine: product(item, $0) / (product(item, item) * product($0, $0)).squareRoot())
      }
      return Array(all.sorted { $0.cosine > $1.cosine }.prefix(reach))
    }
    var walk = NeighborWalk.Rules()
    (walk.events, walk.reach, walk.decay) = (3, 4, 0.5)
    let users = try users(served)
    let found = try NeighborWalk(served, index: nil, rules: rules(4), walk: walk).recommend(users).map(\.items)
    for (user, list) in zip(users, found) {
      var newest: [Int] = []
      for item in user.items.reversed().map({ Int($0) }) where !newest.contains(item) && newest.count < 3 { newest.append(item) }
      var scores: [Int: Double] = [:]
      for (place, item) in newest.enumerated() {
        for entry in like(item, 4) { scores[entry.item, default: 0] += entry.cosine * pow(0.5, Double(place)) }
      }
      #expect(list.count == 4)
      #expect(list.allSatisfy { abs(Double($0.score) - (scores[$0.item] ?? .infinity)) < 1e-4 })
      let least = Double(list.last?.score ?? 0)
      #expect(scores.allSatisfy { item, score in score < least + 1e-4 || list.contains { $0.item == item } })
    }
    let index = try ItemIndex(path: try write(served), for: served)
    let near = try NeighborWalk(served, index: index, rules: rules(4), walk: walk).recommend(users).map(\.items)
    #expect(zip(near, found).count { $0 == $1 } >= 36)
    let unseen = try NeighborWalk(served, index: index, rules: rules(4, filterSeen: true), walk: walk).recommend(users).map(
      \.items)
    #expect(unseen.joined().allSatisfy { !$0.isSeen } && unseen.contains { !$0.isEmpty })
  }

  @Test func anIndexOfAnotherModelIsRefused() throws {
    let (hashed, blended) = (try ServedWorld.hashed(), try ServedWorld.blended())
    let path = try write(try hashed.served("universal"))
    func refusal(_ served: ServedModel) -> String? {
      #expect(throws: InputError.self) { _ = try ItemIndex(path: path, for: served) }?.description
    }
    #expect(try refusal(blended.served("universal"))?.contains("the model has 30 of width") == true)
    #expect(try refusal(hashed.served("like"))?.contains("is of another model: item") == true)
    _ = try ItemIndex(path: path + "/", for: hashed.served("universal"))
    try FileManager.default.removeItem(atPath: "\(path)/index.json")
    #expect(try refusal(hashed.served("universal"))?.contains("index.json") == true)
  }

  /// Whatever byte of the graph is another one, its checksum is.
  @Test func aDamagedFolderIsOneSentence() throws {
    let served = try ServedWorld.hashed().served("universal")
    let path = try write(served)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(path)/items.hnsw"))
    for place in stride(from: 0, to: bytes.count, by: 97) {
      var damaged = bytes
      damaged[place] ^= 0x10
      try damaged.write(to: URL(fileURLWithPath: "\(path)/items.hnsw"))
      let error = #expect(throws: InputError.self) { _ = try ItemIndex(path: path, for: served) }
      #expect(error?.description.contains("its checksum is not that of index.json") == true)
    }
    try bytes.write(to: URL(fileURLWithPath: "\(path)/items.hnsw"))
    let text = try String(contentsOfFile: "\(path)/index.json", encoding: .utf8)
    for (old, new) in [("\"items\" : 30", "\"items\" : -1"), ("\"width\"", "\"wide\""), ("{", "")] {
      try text.replacing(old, with: new).write(toFile: "\(path)/index.json", atomically: true, encoding: .utf8)
      let error = #expect(throws: InputError.self) { _ = try ItemIndex(path: path, for: served) }
      #expect(error?.description.contains("index.json is damaged (") == true)
    }
  }
}
