import Datasets
import Files
import Preparation
import TestSupport
import Testing

@testable import Serving

struct FreshEventsTests {
  private let folder: TemporaryFolder
  private let dataset: Dataset

  init() throws {
    folder = try TemporaryFolder()
    dataset = try ServedWorld.hashed().served().dataset
  }

  private func read(_ text: String, _ name: String = "events.csv", joins: Bool = true, now: Int64? = nil) throws -> FreshEvents {
    var options = FreshEvents.Options()
    (options.joins, options.now) = (joins, now)
    return try FreshEvents(path: try folder.write(name, text), dataset: dataset, options: options)
  }

  private func ids(_ events: UserEvents) -> [String] { events.items.map { dataset.items.id(Int($0)) } }

  /// What the data set itself has of a user, written down, is served as the data set's own.
  @Test func theDataSetsOwnEventsAreReadBack() throws {
    let own = try #require(try Lookup(dataset).events(ofUser: "u3"))
    var text = "timestamp,item,scene,user,behavior\n"
    for event in (0..<own.count).reversed() {
      text += "\(own.times[event] / 1_000_000),\(dataset.items.id(Int(own.items[event]))),"
      text += "\(dataset.scenes[Int(own.scenes[event])]),u3,\(dataset.behaviors[Int(own.behaviors[event])])\n"
    }
    for joins in [false, true] {
      let fresh = try read(text, joins: joins)
      let found = fresh.events(0)
      #expect(fresh.users.count == 1 && fresh.users[0].isKnown && fresh.find("u3") == 0 && fresh.find("u4") == nil)
      #expect(Array(found.items) == Array(own.items) && Array(found.times) == Array(own.times))
      #expect(Array(found.scenes) == Array(own.scenes) && Array(found.behaviors) == Array(own.behaviors))
      withExtendedLifetime(fresh) {}
    }
  }

  @Test func eventsOfKnownUsersComeAfterTheDataSets() throws {
    let own = try #require(try Lookup(dataset).events(ofUser: "u5"))
    let fresh = try read("user,item,timestamp\nu5,i2,99999999\nnew,i1,5\nu5,i4,88888888\n")
    #expect(fresh.users.map(\.id) == ["u5", "new"] && fresh.users.map(\.isKnown) == [true, false])
    #expect(ids(fresh.events(0)) == ids(own) + ["i4", "i2"] && ids(fresh.events(1)) == ["i1"])
    #expect(fresh.newest == 99_999_999_000_000)
    let alone = try read("user,item,timestamp\nu5,i2,9\n", joins: false)
    #expect(ids(alone.events(0)) == ["i2"])
    // Events are views of what reads them.
    withExtendedLifetime((fresh, alone)) {}
  }

  @Test func aVisitNeedsItemsAlone() throws {
    let fresh = try read("item\ni3\ni9\ni3\n")
    let newest = try #require(try dataset.newestTime(shards: 0..<dataset.shardCount))
    let events = fresh.events(0)
    // Without times nothing is a repeat: who came back to i3 came back.
    #expect(fresh.users.map(\.id) == [FreshEvents.visitor] && ids(events) == ["i3", "i9", "i3"])
    #expect(events.times.allSatisfy { $0 == newest })
    let now = try read("item\ni3\n", now: 77)
    #expect(now.newest == 77)
    // A scene that is not said is one of the item's; a behavior the most frequent.
    #expect(events.scenes.map { dataset.scenes[Int($0)] } == ["feed", "feed", "feed"])
    let frequent = try #require(dataset.manifest.behaviors.max { $0.events < $1.events })
    #expect(dataset.behaviors[Int(events.behaviors[0])] == frequent.name)
    withExtendedLifetime(fresh) {}
  }

  @Test func anEventWithItsTimeCountsOnce() throws {
    let fresh = try read("user,item,timestamp\nnew,i2,7\nnew,i3,8\nnew,i2,7\nnew,i2,9\n")
    #expect(ids(fresh.events(0)) == ["i2", "i3", "i2"])
    withExtendedLifetime(fresh) {}
  }

  /// A data set may have a user of the name that is given to visits.
  @Test func aVisitIsNobodysOfTheDataSet() throws {
    var builder = DatasetBuilder()
    for second in 0..<4 { builder.addEvent(user: FreshEvents.visitor, item: "a\(second)", seconds: second) }
    let other = try builder.write(to: folder.file("other"))
    let visit = try FreshEvents(path: try folder.write("visit.csv", "item\na1\n"), dataset: other)
    #expect(!visit.users[0].isKnown && visit.events(0).count == 1)
    let user = try FreshEvents(path: try folder.write("user.csv", "user,item\nvisit,a1\n"), dataset: other)
    #expect(user.users[0].isKnown && user.events(0).count == 5)
    withExtendedLifetime((visit, user)) {}
  }

  @Test func unknownItemsAreCounted() throws {
    let fresh = try read("{\"item\":\"nothing\",\"user\":\"a\"}\n{\"item\":\"i1\",\"user\":\"b\"}\n", "events.jsonl")
    #expect(fresh.unknownRows == 1 && fresh.firstUnknown == "nothing" && fresh.rows == 2)
    #expect(fresh.users.map(\.id) == ["a", "b"] && fresh.events(0).count == 0 && fresh.events(1).count == 1)
    #expect(try ServedUsers(dataset, fresh: fresh).events(of: "a") == nil)
    #expect(try ServedUsers(dataset, fresh: fresh).unknown("a").description.contains("no event on an item"))
    withExtendedLifetime(fresh) {}
  }

  @Test(arguments: [
    ("user,item\na,i1\n,i2\n", "events.csv:3: the row has no user, unlike the first"),
    ("item,timestamp\ni1,5\ni2,\n", "events.csv:3: the row has no time, unlike the first"),
    ("item,timestamp\ni1,yesterday\n", "events.csv:2: the timestamp \"yesterday\" is no time in seconds and no ISO 8601"),
    ("item,scene\ni1,nowhere\n", "events.csv:2: the data set has no scene nowhere, only"),
    ("item,behavior\ni1,stare\n", "events.csv:2: the data set has no behavior stare, only"),
    ("item\n\"\"\n", "the item is empty"), ("item\n", "has no event"),
    ("thing\ni1\n", "the header has no column item, only thing; name the columns with --columns (item=NAME)"),
  ])
  func wrongRowsAreRefused(text: String, says: String) throws {
    let error = #expect(throws: InputError.self) { try read(text) }
    #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
  }
}
