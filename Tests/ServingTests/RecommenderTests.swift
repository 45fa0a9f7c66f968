import Datasets
import Evaluation
import Files
import Tensors
import TestSupport
import Testing

@testable import Serving

struct RecommenderTests {
  private func rules(_ count: Int, scene: Int? = nil, filterSeen: Bool = false) -> Recommender.Rules {
    var rules = Recommender.Rules()
    (rules.count, rules.scene, rules.excludesSeen) = (count, scene, filterSeen)
    return rules
  }

  @Test(arguments: ["universal", "like"])
  func recommendsTheLargestProducts(phase: String) throws {
    let served = try ServedWorld.hashed().served(phase)
    let events = try ["u0", "u7"].map { try #require(try Lookup(served.dataset).events(ofUser: $0)) }
    let found = try Recommender(served, rules: rules(5)).recommend(events).map(\.items)
    let storage = Storage<Float>(count: 2 * served.width)
    let users = Matrix(storage.base, rows: 2, columns: served.width)
    try served.embed(events, into: users)
    let items = served.catalogue.embeddings
    for user in 0..<2 {
      let scores = (0..<items.rows).map { item in
        (0..<served.width).reduce(Float(0)) { $0 + users[user, $1] * items[item, $1] }
      }
      let order = scores.indices.sorted { scores[$0] > scores[$1] }
      #expect(found[user].map(\.item) == Array(order.prefix(5)))
      #expect(found[user].allSatisfy { abs($0.score - scores[$0.item]) < 1e-4 })
      #expect(found[user].allSatisfy { entry in entry.isSeen == events[user].items.contains(Int32(entry.item)) })
    }
  }

  @Test func rulesNarrowTheCandidates() throws {
    let served = try ServedWorld.hashed().served()
    let items = served.dataset.items
    let events = try #require(try Lookup(served.dataset).events(ofUser: "u3"))
    let scene = try Lookup(served.dataset).scene("feed")
    let all = try Recommender(served, rules: rules(1_000)).recommend([events])[0].items
    #expect(all.count == items.count)
    let inScene = try Recommender(served, rules: rules(1_000, scene: scene)).recommend([events])[0].items
    #expect(inScene == all.filter { items.scenes($0.item).contains(scene) } && !inScene.isEmpty && inScene.count < all.count)
    let unseen = try Recommender(served, rules: rules(1_000, filterSeen: true)).recommend([events])[0].items
    #expect(unseen == all.filter { !$0.isSeen } && unseen.count == items.count - Set(events.items).count)
    #expect(throws: InputError("the data set has no scene fed; it has \(served.dataset.scenes.joined(separator: ", "))")) {
      try Lookup(served.dataset).scene("fed")
    }
  }

  @Test func placesAreKeptForItemsWithoutTrainingEvents() throws {
    let served = try ServedWorld.hashed().served()
    let counts = served.dataset.items.trainCounts
    let events = try (0..<20).map { try #require(try Lookup(served.dataset).events(ofUser: "u\($0)")) }
    var kept = rules(3)
    kept.newPlaces = 1
    let plain = try Recommender(served, rules: rules(3)).recommend(events).map(\.items)
    let with = try Recommender(served, rules: kept).recommend(events).map(\.items)
    let isNew = { (item: Int) in counts[item] == 0 }
    #expect(plain.contains { list in !list.contains { isNew($0.item) } }, "every list has a new item anyway")
    for (before, after) in zip(plain, with) {
      #expect(after.count == 3 && after.contains { isNew($0.item) })
      let isKept = before.contains { isNew($0.item) }
      #expect(isKept ? after == before : Array(after.prefix(2)) == Array(before.prefix(2)))
    }
  }

  @Test func anItemIsNeverLikeItself() throws {
    let served = try ServedWorld.hashed().served()
    let recommender = try Recommender(served, rules: rules(1_000))
    let items = served.catalogue.embeddings
    for item in 0..<items.rows {
      let found = recommender.similar(to: item).items
      #expect(Set(found.map(\.item)) == Set(0..<items.rows).subtracting([item]))
      #expect(zip(found, found.dropFirst()).allSatisfy { $0.score >= $1.score })
      #expect(found.allSatisfy { abs($0.score) <= 1.0001 })
    }
    let one = recommender.similar(to: 4).items.first { $0.item == 9 }?.score
    let other = recommender.similar(to: 9).items.first { $0.item == 4 }?.score
    #expect(abs(try #require(one) - (try #require(other))) < 1e-5)
  }

  @Test func unknownIdsAreAnsweredWithNearOnes() throws {
    let lookup = Lookup(try ServedWorld.hashed().served().dataset)
    #expect(try lookup.events(ofUser: "U3") == nil)
    // Case alone comes before a wrong letter.
    #expect(try lookup.unknownUser("U33").description.contains("did you mean u33 or "))
    #expect(try lookup.unknownUser("somebody").description.contains("its ids look like u"))
    let error = #expect(throws: InputError.self) { try lookup.item("i3o") }
    #expect(error?.description.contains("did you mean") == true && error?.description.contains("i3") == true)
    #expect(try lookup.item("i3") == lookup.item("i3"))
  }

  /// Ids that look alike are two; who types the other one is told by which letters they differ.
  @Test func idsThatLookAlikeAreTwo() throws {
    let folder = try TemporaryFolder()
    var builder = DatasetBuilder()
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    for (second, item) in [composed, "tea"].enumerated() {
      builder.addEvent(user: decomposed, item: item, seconds: second, scene: decomposed)
    }
    let lookup = Lookup(try builder.write(to: folder.file("d")))
    #expect(try lookup.item(composed) == 0 && lookup.events(ofUser: decomposed)?.count == 2)
    #expect(try lookup.scene(decomposed) == 0 && lookup.events(ofUser: composed) == nil)
    let item = #expect(throws: InputError.self) { try lookup.item(decomposed) }
    #expect(item?.description.contains("(the same letters in other bytes: U+E9)") == true)
    #expect(try lookup.unknownUser(composed).description.contains("U+301") == true)
    #expect(throws: InputError.self) { try lookup.scene(composed) }
  }

  @Test(arguments: [
    ("abc", "abc", true), ("abc", "abd", true), ("abc", "ab", true), ("abc", "abcd", true), ("abc", "acb", true), ("", "a", true),
    ("abc", "cba", false), ("abc", "a", false), ("abc", "axy", false), ("aab", "aabab", false), ("abcd", "badc", false),
    ("aaa", "aa", true),
  ])
  func oneEditIsNear(one: String, other: String, isNear: Bool) {
    #expect(NearIdentifiers.isNear(Array(one.utf8), Array(other.utf8)) == isNear)
    #expect(NearIdentifiers.isNear(Array(other.utf8), Array(one.utf8)) == isNear)
  }
}
