import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// The cold protocol: a share of the items that no training event shows.
@Suite struct ColdItemsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func prepare(
    _ events: [RandomEvent], _ name: String, cold: String?, split: String = "leave-one-out", minimum: Int = 1
  ) throws -> Dataset {
    var options = PreparationOptions()
    options.interactions = [try folder.write("\(name).csv", RandomEvent.csv(events))]
    (options.output, options.virtualShards) = (folder.file(name), 8)
    (options.minimumUserEvents, options.minimumItemEvents) = (minimum, minimum)
    options.split = try SplitProtocol(split)
    options.coldItems = try cold.map { try ColdItems($0) }
    let manifest = try Preparation(options).run()
    let dataset = try Dataset(path: options.output)
    #expect(dataset.manifest == manifest)
    try dataset.verifyChecksums()
    return dataset
  }

  private func coldIDs(_ dataset: Dataset) -> Set<String> {
    Set((0..<dataset.items.count).filter(dataset.items.isCold).map(dataset.items.id))
  }

  /// Every user's events by id.
  private func users(_ dataset: Dataset) throws -> [String: UserEvents] {
    var users: [String: UserEvents] = [:]
    for index in 0..<dataset.shardCount {
      let shard = try dataset.shard(index)
      for user in 0..<shard.userCount { users[shard.id(user)] = shard.events(user) }
    }
    return users
  }

  @Test func spellings() throws {
    let cold = try ColdItems("20%:7")
    #expect(cold.share == 0.2 && cold.seed == 7 && cold.description == "0.2:7")
    #expect(try ColdItems("0.2").description == "0.2:1" && ColdItems(ColdItems("0.15:9").description) == ColdItems("15%:9"))
    for text in ["", "0", "1", "100%", "-0.1", "0.2:", "0.2:x", "0.2:-1", "nan", "a", "2", "inf", ":1"] {
      #expect(throws: InputError.self) { try ColdItems(text) }
    }
  }

  /// A draw of its own for each item: neither the order of the rows nor the other items matter.
  @Test func theDrawIsOfTheIDAlone() throws {
    let events = RandomEvent.make(2_500, seed: 2)
    let all = coldIDs(try prepare(events, "all", cold: "0.3:5"))
    #expect(try coldIDs(prepare(events.reversed(), "reversed", cold: "0.3:5")) == all)
    let some = events.filter { !$0.item.hasSuffix("1") }
    #expect(try coldIDs(prepare(some, "some", cold: "0.3:5")) == all.filter { !$0.hasSuffix("1") })
    #expect(try coldIDs(prepare(events, "other", cold: "0.3:6")) != all)
    #expect(try coldIDs(prepare(events, "none", cold: nil)).isEmpty)
    let cold = try ColdItems("0.3:5")
    let share = (0..<10_000).count { number in
      Array("item \(number)".utf8).withUnsafeBytes { cold.contains($0) }
    }
    // 3,000 expected, standard deviation 46.
    #expect((2_770...3_230).contains(share))
  }

  /// Against the same data without cold items, and the rules once more.
  @Test(arguments: ["leave-one-out", "time:1020"], [1, 5]) func trainingNeverShowsThem(split: String, minimum: Int) throws {
    let events = RandomEvent.make(3_000, seed: 3)
    let plain = try prepare(events, "plain", cold: nil, split: split, minimum: minimum)
    let dataset = try prepare(events, "cold", cold: "0.25:3", split: split, minimum: minimum)
    let cold = coldIDs(dataset)
    #expect(cold.count > 8 && (0..<plain.items.count).map(plain.items.id) == (0..<plain.items.count).map(dataset.items.id))
    var expected = ColdCounts()
    expected.items = cold.count
    var (found, counts) = (SplitCounts(), [UInt32](repeating: 0, count: dataset.items.count))
    let (before, after) = (try users(plain), try users(dataset))
    #expect(before.keys.sorted() == after.keys.sorted())
    for (id, now) in after {
      let was = try #require(before[id])
      let isCold = was.items.map { cold.contains(plain.items.id(Int($0))) }
      let kept = was.items.indices.filter { $0 >= was.trainCount || !isCold[$0] }
      #expect(Array(now.items) == kept.map { was.items[$0] } && Array(now.times) == kept.map { was.times[$0] })
      #expect(Array(now.scenes) == kept.map { was.scenes[$0] } && Array(now.behaviors) == kept.map { was.behaviors[$0] })
      for item in now.items[..<now.trainCount] {
        #expect(!dataset.items.isCold(Int(item)))
        counts[Int(item)] += 1
      }
      let indices = [was.validation, was.test].map { event in event.flatMap { kept.firstIndex(of: $0) } }
      #expect(now.trainCount == was.trainCount - (was.count - now.count))
      #expect([now.validation, now.test] == indices.map { $0 == 0 ? nil : $0 })
      expected.eventsLeftOut += was.count - now.count
      expected.withoutHistory += indices.count { $0 == 0 }
      if let event = was.validation, now.validation != nil, isCold[event] { expected.validation += 1 }
      if let event = was.test, now.test != nil, isCold[event] { expected.test += 1 }
      found.training += now.trainCount
      found.validation += now.validation == nil ? 0 : 1
      found.test += now.test == nil ? 0 : 1
    }
    found.unused = dataset.manifest.events - found.training - found.validation - found.test - expected.eventsLeftOut
    #expect(dataset.manifest.coldItems == expected && dataset.manifest.split == found)
    #expect(expected.eventsLeftOut > 100 && expected.validation > 3 && expected.test > 3)
    #expect(Array(dataset.items.trainCounts) == counts)
    #expect(plain.manifest.coldItems == nil && plain.manifest.version == 1 && dataset.manifest.version == 2)
    let summary = PreparationSummary(dataset.manifest).description
    #expect(summary.contains("cold items 0.25:3: \(cold.count) items of ") && summary.contains("\(expected.test) test events"))
    #expect(!PreparationSummary(plain.manifest).description.contains("cold items"))
  }

  /// Six events, of which the first two are cold: the validation event has nothing before it, and is read before the test event.
  @Test func aHeldOutEventNeedsAHistory() throws {
    var builder = DatasetBuilder()
    builder.options.virtualShards = 1
    builder.options.coldItems = try ColdItems("0.5:1")
    let rule = try ColdItems("0.5:1")
    func names(cold: Bool) -> [String] {
      (0..<40).map { "n\($0)" }.filter { name in Array(name.utf8).withUnsafeBytes { rule.contains($0) } == cold }
    }
    let (cold, warm) = (names(cold: true), names(cold: false))
    for (second, item) in [cold[0], cold[1], warm[0], cold[2]].enumerated() {
      builder.addEvent(user: "u", item: item, seconds: second)
    }
    for (second, item) in [warm[0], warm[1], cold[0], warm[2]].enumerated() {
      builder.addEvent(user: "v", item: item, seconds: second)
    }
    for second in 0..<2 { builder.addEvent(user: "w", item: cold[second], seconds: second) }
    let dataset = try builder.write(to: folder.file("d"))
    let shard = try dataset.shard(0)
    let events = try ["u", "v", "w"].map { shard.events(try #require(shard.find($0))) }
    #expect(events.map(\.count) == [2, 4, 0] && events.map(\.trainCount) == [0, 2, 0])
    #expect(events.map(\.validation) == [nil, 2, nil] && events.map(\.test) == [1, 3, nil])
    #expect(shard.eventCount == 6)
    let counts = try #require(dataset.manifest.coldItems)
    #expect(counts.eventsLeftOut == 4 && counts.validation == 1 && counts.test == 1 && counts.withoutHistory == 1)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let path = try prepare(RandomEvent.make(500, seed: 6), "d", cold: "0.3").path
    func edit(_ from: String, _ to: String) throws {
      let file = "\(path)/\(DatasetManifest.fileName)"
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(text.contains(from))
      try text.replacingOccurrences(of: from, with: to).write(toFile: file, atomically: true, encoding: .utf8)
    }
    // Taken for a data set without cold items, it would be trained on whole.
    for (from, to) in [("\"version\" : 2", "\"version\" : 1"), ("\"cold_items\" : \"0.3:1\"", "\"x\" : 1")] {
      try edit(from, to)
      #expect(throws: InputError.self) { try Dataset(path: path) }
      try edit(to, from)
    }
    let file = "\(path)/\(ItemCatalogue.fileName)"
    let range = try #require(try SafetensorsFile(path: file).tensors[ItemCatalogue.coldTensor]?.byteRange)
    let dataset = try Dataset(path: path)
    let warm = try #require((0..<dataset.items.count).first { dataset.items.trainCounts[$0] > 0 })
    for value in [UInt8(1), 2] {
      var data = try Data(contentsOf: URL(fileURLWithPath: file))
      data[range.lowerBound + warm] = value
      try data.write(to: URL(fileURLWithPath: file))
      #expect(throws: InputError.self) { try Dataset(path: path) }
    }
  }
}
