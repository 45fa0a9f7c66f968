import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Ids of items keyed by id and scene: never one for two pairs, and as they were where no `@` is in them.
@Suite struct SceneKeyTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func join(_ item: String, _ scene: String) -> String {
    let buffer = ByteBuffer()
    return Array(item.utf8).withUnsafeBytes { item in
      Array(scene.utf8).withUnsafeBytes { scene in
        withExtendedLifetime(buffer) { String(decoding: SceneKey.escaped.join(item, scene, buffer), as: UTF8.self) }
      }
    }
  }

  @Test func noTwoPairsHaveOneKey() {
    // Every text of up to three letters of those that matter.
    var texts = [""]
    for _ in 0..<3 { texts += texts.flatMap { text in ["a", "@", "\\"].map { text + $0 } } }
    let all = Set(texts.map { Identifier($0) })
    var keys: Set<Identifier> = []
    for item in all { for scene in all { keys.insert(Identifier(join(item.text, scene.text))) } }
    #expect(keys.count == all.count * all.count)
  }

  @Test(arguments: [
    ("a", "feed", "a@feed"), ("x\\y", "shop", "x\\y@shop"), ("a\\", "b", "a\\@b"), ("a@b", "c", "a\\@b@c"),
    ("a", "b@c", "a@b\\@c"),
    ("\\@", "c", "\\\\\\@@c"),
  ])
  func keysLookLike(item: String, scene: String, expected: String) { #expect(join(item, scene) == expected) }

  private func options(_ rows: [(item: String, scene: String)], items: String? = nil) throws -> PreparationOptions {
    var options = PreparationOptions()
    let events = (0..<4).flatMap { user in rows.enumerated().map { "u\(user),\($1.item),\($0 + 10 * user),\($1.scene)\n" } }
    options.interactions = [try folder.write("e.csv", "user,item,timestamp,scene\n" + events.joined())]
    options.items = try items.map { [try folder.write("i.csv", "item,scene,text\n" + $0)] } ?? []
    (options.output, options.itemKey, options.virtualShards) = (folder.file("d"), .itemScene, 2)
    (options.minimumUserEvents, options.minimumItemEvents, options.overwrite) = (1, 1, true)
    return options
  }

  @Test func twoItemsStayTwo() throws {
    let options = try options(
      [("a@b", "c"), ("a", "b@c"), ("z", "c"), ("y", "c")], items: "a@b,c,one\na,b@c,two\nz,c,t\n")
    _ = try Preparation(options).run()
    let dataset = try Dataset(path: options.output)
    #expect(dataset.items.count == 4 && dataset.manifest.preparation.itemKeyEscapes == true)
    let indices = try ["a\\@b@c", "a@b\\@c"].map { try #require(dataset.items.index(of: $0)) }
    #expect(indices.map(dataset.items.text) == ["one", "two"])
    #expect(dataset.sceneKeys()("a") == ["a@c", "a@b\\@c"])
    // New items follow the same rule.
    let new = try folder.write("new.csv", "item,scene,text\na@b,c,known\na,b@c,known\na@b,b@c,new\n")
    let texts = try NewItemTexts(path: new, newTo: dataset)
    #expect(texts.ids == ["a\\@b@b\\@c"] && texts.knownRows == 2)
    // Without a scene an item is listed where events without one are.
    let bare = try folder.write("bare.csv", "item,scene,text\nq,,new\n")
    #expect(try NewItemTexts(path: bare, newTo: dataset).ids == ["q@default"])
  }

  // MARK: Data sets of version 0.1, as Tests/Fixtures/datasets/README.md says

  @Test func anEarlierDataSetOpensAndGrowsUnderItsOwnKeys() throws {
    let path = Fixtures.path("datasets/at-items")
    let old = try Dataset(path: path)
    try old.verifyChecksums()
    #expect((0..<4).map(old.items.id) == ["a@feed", "a@b@feed", "x\\y@shop", "a@shop"])
    #expect(old.manifest.counts.badRows == [.init(kind: .timestamp, count: 1)] && old.manifest.warnings == nil)
    #expect(old.sceneKeys()("a@b") == ["a@b@feed", "a@b@shop"])
    var options = try options([("a@b", "feed"), ("new", "shop")])
    options.interactions = [try folder.write("today.csv", "user,item,timestamp,scene\nu0,a@b,5000,feed\nu0,new@x,5001,shop\n")]
    try options.append(to: old)
    _ = try Preparation(options).run()
    let grown = try Dataset(path: options.output)
    #expect((0..<5).map(grown.items.id) == ["a@feed", "a@b@feed", "x\\y@shop", "a@shop", "new@x@shop"])
    #expect(grown.manifest.preparation.itemKeyEscapes == nil && grown.manifest.events == 38)
    // A user id with a line separator in it, as it may be no longer in new rows, stays.
    #expect(try grown.find(user: "u\u{2028}1") != nil && grown.manifest.counts.badRows.isEmpty)
    // And is found by lists of ids.
    let pairs = try IdentifierPairs(path: try folder.write("p.csv", "user,item\nu\u{2028}1,a@feed\n"))
    let pair = try #require(try pairs.next())
    #expect(try grown.find(user: pair.user) != nil)
    let list = try IdentifierList(path: try folder.write("u.txt", "u\u{2028}1\n\nu2\n"), of: .user)
    #expect(try list.next() == "u\u{2028}1" && list.next() == "u2" && list.next() == nil)
    // A scene with an @ would make ids of this kind ambiguous.
    options.interactions = [try folder.write("today.csv", "user,item,timestamp,scene\nu0,a,5000,b@feed\n")]
    let error = #expect(throws: InputError.self) { try Preparation(options).run() }
    #expect(error?.description.contains("today.csv:2: the scene \"b@feed\" holds an @") == true)
  }

  @Test func anEarlierDataSetWithAmbiguousKeysOpensButDoesNotGrow() throws {
    let old = try Dataset(path: Fixtures.path("datasets/at-scenes"))
    #expect((0..<3).map(old.items.id) == ["a@b@c", "z@c", "y@b@c"])
    #expect(old.items.index(of: "a@b@c") == 0 && old.sceneKeys()("z") == ["z@c"])
    var options = try options([("z", "c")])
    let error = #expect(throws: InputError.self) { try options.append(to: old) }
    #expect(error?.description.contains("prepare everything anew") == true)
    let new = try folder.write("new.csv", "item,scene,text\nq,b@c,new\n")
    #expect(throws: InputError.self) { try NewItemTexts(path: new, newTo: old) }
  }

  /// Keys with one `@` are the same under both rules, so such a data set goes on with the new one.
  @Test func anEarlierDataSetWithPlainKeysTakesTheNewRule() throws {
    let first = try options([("a", "c"), ("b", "c")])
    _ = try Preparation(first).run()
    let manifest = "\(first.output)/\(DatasetManifest.fileName)"
    let text = try String(contentsOfFile: manifest, encoding: .utf8)
    try text.replacing("    \"item_key_escapes\" : true,\n", with: "").write(toFile: manifest, atomically: true, encoding: .utf8)
    let old = try Dataset(path: first.output)
    #expect(old.manifest.preparation.itemKeyEscapes == nil)
    var options = try options([("a@x", "b@c"), ("a", "c")])
    options.output = folder.file("grown")
    try options.append(to: old)
    _ = try Preparation(options).run()
    #expect(try Dataset(path: options.output).items.id(2) == "a\\@x@b\\@c")
  }
}
