import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Files that are wrong, doubled, listed or missing, and what stands in the output's place afterwards.
@Suite struct PreparationInputTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(_ interactions: String, items: String? = nil) throws -> PreparationOptions {
    var options = PreparationOptions()
    options.interactions = [try folder.write("events.csv", interactions)]
    options.items = try items.map { [try folder.write("items.csv", $0)] } ?? []
    options.output = folder.file("out")
    (options.minimumUserEvents, options.minimumItemEvents, options.virtualShards) = (1, 1, 2)
    options.mayLackTraining = true
    return options
  }

  private func prepare(_ options: PreparationOptions) throws -> Dataset {
    _ = try Preparation(options).run()
    return try Dataset(path: options.output)
  }

  private let header = "user,item,timestamp,scene\n"

  @Test func badRowsAreCountedShownAndLimited() throws {
    let good = (1...4).map { "u,i\($0),\($0),s\n" }.joined()
    var options = try options(header + good + "u,i,soon,s\n,i,1,s\nu,i\u{1},1,s\nu,i,1\n\"u,i,1\nu,i,9,s\n")
    let path = folder.file("events.csv")
    var notes: [String] = []
    let reporter = PreparationReporter(note: { notes.append($0) })
    let expected = InputError(
      "6 of 10 interaction rows are bad, more than the 0.1% allowed (1 with wrong number of fields, 2 with broken quotes, 1 with empty id, "
        + "1 with control character in id, 1 with timestamp not a time), the first at \(path):6: the timestamp is \"soon\", "
        + "neither a number nor ISO 8601; times are numbers such as 1740819957.25 (--time-unit), 2025-03-01T09:05:57+01:00, "
        + "2025-03-01 09:05:57 or 2025-03-01 (timestamp not a time); fix them or raise --max-bad-rows; nothing was written")
    #expect(throws: expected) { try Preparation(options, reporter: reporter).run() }
    #expect(notes.count == 5 && notes[1] == "bad row: \(path):7: the user is empty (empty id)")
    #expect(try folder.names() == ["events.csv"])
    options.maximumBadRows = .count(6)
    let manifest = try prepare(options).manifest
    #expect(manifest.counts.badRows.map(\.count) == [1, 2, 1, 1, 1] && manifest.events == 4)
    #expect(manifest.inputs == [DatasetManifest.Input(path: path, kind: "interactions", rows: 10, badRows: 6)])
  }

  @Test func badRowsOfItemsFilesCountToo() throws {
    let options = try options(header + "u,i,1,s\n", items: "item,text\ni,fine\n,empty\n")
    #expect(throws: InputError.self) { try prepare(options) }
    #expect(try folder.names() == ["events.csv", "items.csv"])
  }

  @Test func aBadRowNumbersNothing() throws {
    var options = try options(header + "bad user,bad item,never,bad scene\nu,i,1,s\n")
    options.maximumBadRows = .count(1)
    let dataset = try prepare(options)
    #expect(dataset.manifest.counts.usersSeen == 1 && dataset.manifest.counts.itemsSeen == 1 && dataset.scenes == ["s"])
  }

  @Test func missingFilesAndColumnsFailBeforeAnyRowIsRead() throws {
    var options = try options(header + "u,i,1,s\n", items: "id,title\ni,x\n")
    var rows = 0
    let reporter = PreparationReporter(progress: { count, _ in rows = count })
    #expect(
      throws: InputError(
        "\(folder.file("items.csv")):1: the header has no column item, text, only id, title; name the columns with --columns (such as item=NAME,text=NAME)"
      )
    ) { try Preparation(options, reporter: reporter).run() }
    options.items = [folder.file("none.csv")]
    #expect(throws: InputError("cannot open \(folder.file("none.csv")): No such file or directory; is the path right?")) {
      try Preparation(options).run()
    }
    #expect(rows == 0)
  }

  @Test func nothingLeftIsAnError() throws {
    var options = try options(header + "u,i,1,s\n")
    options.minimumUserEvents = 5
    #expect(throws: InputError.self) { try prepare(options) }
    options.interactions = [try folder.write("events.csv", header)]
    #expect(throws: InputError.self) { try prepare(options) }
    #expect(try folder.names() == ["events.csv"])
  }

  @Test func textsAndListingsComeFromItemsFiles() throws {
    let events = header + "u,a,1,home\nu,b,2,shop\nu,c,3,home\n"
    let items = "item,scene,text\nb,home,\"Bee,\n  the \"\"second\"\"\"\na,,\nzzz,other,unused\na,later,Ay\na,home,again\n"
    let dataset = try prepare(try options(events, items: items))
    let catalogue = dataset.items
    #expect((0..<3).map(catalogue.text) == ["Ay", "Bee, the \"second\"", ""])
    #expect((0..<3).map(catalogue.hasText) == [true, true, false])
    #expect(dataset.scenes == ["home", "shop", "later"])
    #expect((0..<3).map(catalogue.scenes) == [[0, 2], [0, 1], [0]])
    #expect(dataset.manifest.scenes.map(\.items) == [3, 1, 1] && dataset.manifest.scenes.map(\.events) == [2, 1, 0])
    let counts = dataset.manifest.counts
    #expect(counts.itemRows == 5 && counts.itemRowsUnused == 1 && counts.itemRowsRepeated == 1 && counts.itemsWithoutText == 1)
  }

  @Test func itemsCanBeKeyedByScene() throws {
    let events = header + "u,a,1,home\nu,a,2,shop\nv,b,3,shop\n"
    var options = try options(events, items: "item,scene,text\na,shop,in the shop\na,home,at home\n")
    let joined = try prepare(options)
    #expect(joined.items.count == 2 && joined.items.scenes(0) == [0, 1] && joined.items.text(0) == "in the shop")
    options.output = folder.file("keyed")
    options.itemKey = .itemScene
    let keyed = try prepare(options)
    #expect((0..<3).map(keyed.items.id) == ["a@home", "a@shop", "b@shop"])
    #expect((0..<3).map(keyed.items.text) == ["at home", "in the shop", ""])
    options.output = folder.file("third")
    options.items = [try folder.write("plain.csv", "item,text\na,x\n")]
    #expect(throws: InputError.self) { try prepare(options) }
  }

  @Test func scenesThatTheFilterEmptiesAreLeftOut() throws {
    let events = header + "rare,x,1,gone\n" + (1...6).map { "u,i,\($0),kept\n" }.joined()
    var options = try options(events)
    (options.minimumUserEvents, options.minimumItemEvents) = (5, 5)
    let dataset = try prepare(options)
    #expect(dataset.scenes == ["kept"])
    let found = try #require(try dataset.find(user: "u"))
    #expect(try dataset.shard(found.shard).events(found.user).scenes.allSatisfy { $0 == 0 })
  }

  @Test func severalFilesAreOneStream() throws {
    var options = try options(header + "u,a,5,s\n")
    options.interactions.append(try folder.write("more.csv", "timestamp,user,item\n5,u,b\n5,u,a\n"))
    let dataset = try prepare(options)
    #expect(dataset.scenes == ["s", "default"])
    let found = try #require(try dataset.find(user: "u"))
    let shard = try dataset.shard(found.shard)
    #expect(Array(shard.events(found.user).items) == [0, 1, 0])
  }

  @Test func decimalsOfASecondKeepTheirOrder() throws {
    let dataset = try prepare(try options(header + "u,late,1.5,s\nu,early,1.25,s\n"))
    let found = try #require(try dataset.find(user: "u"))
    let shard = try dataset.shard(found.shard)
    #expect(Array(shard.events(found.user).times) == [1_250_000, 1_500_000])
    #expect(Array(shard.events(found.user).items) == [1, 0])
  }
}
