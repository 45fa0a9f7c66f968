import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// A new day behind an old data set, against everything prepared at once.
@Suite struct AppendTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(_ name: String, _ events: [RandomEvent], minimum: Int) throws -> PreparationOptions {
    var options = PreparationOptions()
    options.interactions = [try folder.write("\(name).csv", RandomEvent.csv(events))]
    (options.output, options.virtualShards) = (folder.file(name), 8)
    (options.minimumUserEvents, options.minimumItemEvents) = (minimum, minimum)
    return options
  }

  /// Titles of every other item, listed in scenes of their own.
  private func titles(_ items: Range<Int>) throws -> String {
    let rows = items.filter { $0 % 2 == 0 }.map { "i\($0),shelf\($0 % 3),title <b>\($0)</b> &amp;amp;\n" }
    return try folder.write("titles.csv", "item,scene,text\n" + rows.joined())
  }

  /// Prepares the first events, then appends the others.
  private func append(
    _ first: [RandomEvent], _ second: [RandomEvent], minimum: Int = 1, items: [String] = [],
    _ change: (inout PreparationOptions) throws -> Void = { _ in }, then: (inout PreparationOptions) throws -> Void = { _ in }
  ) throws -> Dataset {
    var old = try options("old", first, minimum: minimum)
    (old.items, old.overwrite) = (items, true)
    try change(&old)
    _ = try Preparation(old).run()
    var new = try options("new", second, minimum: 77)
    (new.items, new.memory, new.overwrite) = (items, 9_000, true)
    try new.append(to: try Dataset(path: old.output))
    try then(&new)
    _ = try Preparation(new).run()
    let dataset = try Dataset(path: new.output)
    try dataset.verifyChecksums()
    return dataset
  }

  private func contents(_ dataset: Dataset) throws -> [String: Data] {
    try Dictionary(
      uniqueKeysWithValues: dataset.manifest.files.map {
        ($0.path, try Data(contentsOf: URL(fileURLWithPath: "\(dataset.path)/\($0.path)")))
      })
  }

  @Test(arguments: [
    (DuplicateRule.exact, TieOrder.fileOrder, ItemKey.item), (.first, .shuffle(seed: 3), .item), (.keep, .fileOrder, .itemScene),
    (.first, .fileOrder, .itemScene), (.exact, .shuffle(seed: 8), .item),
  ])
  func appendingIsPreparingAtOnce(duplicates: DuplicateRule, ties: TieOrder, key: ItemKey) throws {
    let events = RandomEvent.make(2_500, seed: 4)
    let (first, second) = (Array(events[..<1_400]), Array(events[1_400...]))
    let titles = try titles(0..<90)
    func rules(_ options: inout PreparationOptions) {
      (options.duplicates, options.ties, options.itemKey) = (duplicates, ties, key)
    }
    let appended = try append(first, second, items: [titles], rules)
    var whole = try options("whole", events, minimum: 1)
    whole.items = [titles]
    rules(&whole)
    let manifest = try Preparation(whole).run()
    #expect(try contents(appended) == contents(Dataset(path: whole.output)))
    var (left, right) = (appended.manifest, manifest)
    let old = try Dataset(path: folder.file("old"))
    #expect(left.counts.interactionRows == 1_100 && left.appendedTo?.events == old.manifest.events)
    (left.inputs, left.counts, left.appendedTo, left.audit.exactDuplicates) = ([], .init(), nil, 0)
    (right.inputs, right.counts, right.audit.exactDuplicates) = ([], .init(), 0)
    #expect(left == right)
  }

  /// Files keep every event, so that late ones, repeats and cuts move what is held out as if all had come at once.
  @Test(arguments: [DuplicateRule.exact, .first], ["leave-one-out", "time:1025"])
  func coldItemsStayCold(duplicates: DuplicateRule, split: String) throws {
    let events = RandomEvent.make(2_500, seed: 9)
    func rules(_ options: inout PreparationOptions) throws {
      (options.duplicates, options.coldItems) = (duplicates, try ColdItems("0.3:4"))
    }
    let appended = try append(Array(events[..<1_400]), Array(events[1_400...]), rules) { $0.split = try SplitProtocol(split) }
    var whole = try options("whole", events, minimum: 1)
    try rules(&whole)
    whole.split = try SplitProtocol(split)
    let manifest = try Preparation(whole).run()
    let atOnce = try Dataset(path: whole.output)
    var (found, expected) = (try contents(appended), try contents(atOnce))
    if duplicates == .first {
      // A scene stays listed whose only event with an item a late one has replaced: the items' file has more to tell.
      for name in [ItemCatalogue.fileName] { (found[name], expected[name]) = (nil, nil) }
    }
    #expect(found == expected && found.count > 7)
    #expect((0..<atOnce.items.count).allSatisfy { atOnce.items.isCold($0) == appended.items.isCold($0) })
    #expect(Array(appended.items.trainCounts) == Array(atOnce.items.trainCounts))
    #expect(appended.manifest.coldItems == manifest.coldItems && manifest.coldItems?.items ?? 0 > 10)
    #expect(appended.manifest.split == manifest.split && appended.manifest.preparation == manifest.preparation)
  }

  @Test func theKnownKeepTheirNumbersAndAreNeverDropped() throws {
    let events = RandomEvent.make(2_500, seed: 1)
    // Rare users and items of the second part are new to the first, so the minimums count for them.
    let dataset = try append(Array(events[..<600]), Array(events[600..<1_100]), minimum: 5)
    let old = try Dataset(path: folder.file("old"))
    #expect(dataset.manifest.preparation == old.manifest.preparation && dataset.items.count > old.items.count)
    for item in 0..<old.items.count { #expect(dataset.items.id(item) == old.items.id(item)) }
    for index in 0..<old.shardCount {
      let (before, after) = (try old.shard(index), try dataset.shard(index))
      for user in 0..<before.userCount { #expect(after.id(user) == before.id(user)) }
      for user in before.userCount..<after.userCount { #expect(after.events(user).count >= 5) }
    }
    let known = try #require(dataset.manifest.appendedTo)
    #expect(known.checksum == old.manifest.checksum && known.itemsGone == 0 && known.usersGone == 0)
    #expect(dataset.manifest.counts.itemsDropped > 0 && dataset.manifest.counts.usersDropped > 0)
  }

  @Test func aKnownItemKeepsItsTextUnlessItHadNone() throws {
    let day = (0..<4).map { RandomEvent(user: "u", item: "i\($0 % 2)", seconds: $0, scene: "s", behavior: "b") }
    let before = try folder.write("before.csv", "item,text\ni0,first\n")
    let after = try folder.write("after.csv", "item,text\ni0,second\ni1,at last\n")
    let dataset = try append(day, day, items: [before], then: { $0.items = [after] })
    #expect(dataset.items.text(0) == "first" && dataset.items.text(1) == "at last")
    #expect(dataset.manifest.counts.itemRowsRepeated == 1 && dataset.manifest.counts.exactDuplicates == 4)
    #expect(dataset.manifest.events == 4)
  }

  @Test func lateEventsAreSortedIn() throws {
    func event(_ item: String, _ seconds: Int) -> RandomEvent {
      RandomEvent(user: "u", item: item, seconds: seconds, scene: "s", behavior: "b")
    }
    let dataset = try append(
      [event("a", 10), event("b", 30)], [event("c", -20), event("d", 20), event("e", 30), event("f", 40)])
    let (shard, user) = try #require(try dataset.find(user: "u"))
    let events = try dataset.shard(shard).events(user)
    #expect(events.items.map { dataset.items.id(Int($0)) } == ["c", "a", "d", "b", "e", "f"])
    #expect(events.times.first == -20_000_000)
  }

  @Test(arguments: [GoneItems.keep, .drop])
  func eventsBeforeTheFloorGo(rule: GoneItems) throws {
    func event(_ user: String, _ item: String, _ seconds: Int) -> RandomEvent {
      RandomEvent(user: user, item: item, seconds: seconds, scene: item == "a" ? "old" : "new", behavior: "b")
    }
    let first = [event("gone", "a", 1), event("u", "a", 2), event("u", "b", 9), event("back", "a", 3)]
    let dataset = try append(first, [event("u", "c", 12), event("back", "c", 8), event("u", "d", 4)]) { _ in
    } then: { options in
      (options.since, options.goneItems) = (try EventFloor("8"), rule)
    }
    let ids = (0..<dataset.items.count).map { dataset.items.id($0) }
    #expect(ids == (rule == .keep ? ["a", "b", "c"] : ["b", "c"]))
    #expect(dataset.manifest.events == 3 && dataset.manifest.users == 2 && dataset.manifest.counts.eventsTooOld == 4)
    #expect(dataset.manifest.appendedTo?.usersGone == 1 && dataset.manifest.appendedTo?.itemsGone == 1)
    #expect(dataset.manifest.preparation.since == "8" && dataset.scenes == (rule == .keep ? ["old", "new"] : ["new"]))
    if rule == .keep { #expect(dataset.items.trainCounts[0] == 0 && dataset.items.scenes(0) == [0]) }
    #expect(PreparationSummary(dataset.manifest).description.contains(rule == .keep ? "kept in the catalogue" : "dropped"))
  }

  @Test func theFolderMayBeTheSame() throws {
    let events = RandomEvent.make(600, seed: 2)
    let elsewhere = try append(Array(events[..<300]), Array(events[300...]))
    let expected = try contents(elsewhere)
    let inPlace = try append(Array(events[..<300]), Array(events[300...]), then: { $0.output = folder.file("old") })
    #expect(inPlace.path == folder.file("old"))
    #expect(try contents(inPlace) == expected)
  }

  @Test func damageEndsItWithOneSentence() throws {
    var options = try options("old", RandomEvent.make(300, seed: 6), minimum: 1)
    _ = try Preparation(options).run()
    let shard = URL(fileURLWithPath: "\(options.output)/\(UserShard.fileName(2))")
    var bytes = try Data(contentsOf: shard)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: shard)
    let damage = #expect(throws: InputError.self) { try options.append(to: try Dataset(path: options.output)) }
    #expect(damage?.description.contains("shard-00002") == true)
    let foreign = #expect(throws: InputError.self) { try options.append(to: try Dataset(path: folder.path)) }
    #expect(foreign?.description.contains("is no data set") == true)
  }
}
