import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// The whole way from files to a data set, against a second account of the rules written with dictionaries and sorts.
@Suite struct PreparationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(_ events: [RandomEvent], _ name: String = "out") throws -> PreparationOptions {
    var options = PreparationOptions()
    options.interactions = [try folder.write("\(name).csv", RandomEvent.csv(events))]
    options.output = folder.file(name)
    options.virtualShards = 8
    return options
  }

  private func prepare(_ options: PreparationOptions) throws -> Dataset {
    let manifest = try Preparation(options).run()
    let dataset = try Dataset(path: options.output)
    #expect(dataset.manifest == manifest)
    try dataset.verifyChecksums()
    return dataset
  }

  /// Every user's events as (item, scene, behavior, microseconds) in stored order.
  private func histories(_ dataset: Dataset) throws -> [String: [[String]]] {
    var histories: [String: [[String]]] = [:]
    for index in 0..<dataset.shardCount {
      let shard = try dataset.shard(index)
      for user in 0..<shard.userCount {
        #expect(VirtualShards.shard(ofUser: shard.id(user), of: dataset.shardCount) == index)
        #expect(shard.find(shard.id(user)) == user)
        let events = shard.events(user)
        histories[shard.id(user)] = (0..<events.count).map { event in
          [
            dataset.items.id(Int(events.items[event])), dataset.scenes[Int(events.scenes[event])],
            dataset.behaviors[Int(events.behaviors[event])], String(events.times[event]),
          ]
        }
      }
    }
    return histories
  }

  /// The rules once more: exact repeats out, five events each to a fixed point, by time with ties in file order.
  private func expectedHistories(_ events: [RandomEvent], minimum: Int) -> [String: [[String]]] {
    var seen: Set<[String]> = []
    var kept = events.filter { seen.insert([$0.user, $0.item, "\($0.seconds)", $0.scene, $0.behavior]).inserted }
    var size = -1
    while size != kept.count {
      size = kept.count
      let users = Dictionary(grouping: kept, by: \.user).mapValues(\.count)
      kept.removeAll { users[$0.user, default: 0] < minimum }
      let items = Dictionary(grouping: kept, by: \.item).mapValues(\.count)
      kept.removeAll { items[$0.item, default: 0] < minimum }
    }
    return Dictionary(grouping: kept.enumerated(), by: \.element.user).mapValues { group in
      group.sorted { ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset) }
        .map { [$0.element.item, $0.element.scene, $0.element.behavior, "\($0.element.seconds)000000"] }
    }
  }

  @Test func agreesWithTheRulesWrittenTwice() throws {
    let events = RandomEvent.make(2_500, seed: 1)
    let dataset = try prepare(try options(events))
    let expected = expectedHistories(events, minimum: 5)
    #expect(try histories(dataset) == expected)
    let manifest = dataset.manifest
    #expect(manifest.users == expected.count && manifest.events == expected.values.reduce(0) { $0 + $1.count })
    #expect(manifest.counts.usersDropped > 0 && manifest.counts.itemsDropped > 0 && manifest.counts.exactDuplicates > 0)
    #expect(
      manifest.counts.interactionRows == manifest.events + manifest.counts.droppedDuplicates + manifest.counts.eventsDropped)
    #expect(manifest.split.training + manifest.split.validation + manifest.split.test + manifest.split.unused == manifest.events)
  }

  @Test func itemsAreNumberedByFirstAppearanceAndCounted() throws {
    let events = RandomEvent.make(2_500, seed: 1)
    let dataset = try prepare(try options(events))
    let items = dataset.items
    let histories = expectedHistories(events, minimum: 5)
    let kept = Set(histories.values.joined().map { $0[0] })
    var order: [String] = []
    for event in events where kept.contains(event.item) && !order.contains(event.item) { order.append(event.item) }
    #expect((0..<items.count).map(items.id) == order)
    #expect(order.indices.allSatisfy { items.index(of: order[$0]) == $0 })
    #expect(items.index(of: "absent") == nil && items.index(of: "") == nil)
    let training = Dictionary(grouping: histories.values.flatMap { $0.dropLast($0.count >= 3 ? 2 : 0) }) { $0[0] }
    #expect(order.indices.allSatisfy { Int(items.trainCounts[$0]) == training[order[$0], default: []].count })
    for (item, id) in order.enumerated() {
      let scenes = Set(histories.values.joined().filter { $0[0] == id }.map { $0[1] })
      #expect(Set(items.scenes(item).map { dataset.scenes[$0] }) == scenes)
    }
  }

  @Test(arguments: [0, 4_000, 40_000])
  func anyMemoryBudgetWritesTheSameBytes(memory: Int) throws {
    let events = RandomEvent.make(2_500, seed: 9)
    var options = try options(events, "whole")
    options.ties = .shuffle(seed: 5)
    let whole = try prepare(options)
    options.output = folder.file("spilled")
    options.memory = memory
    let spilled = try prepare(options)
    #expect(whole.manifest == spilled.manifest)
    for file in whole.manifest.files.map(\.path) + [DatasetManifest.fileName] {
      let bytes = try [whole, spilled].map { try Data(contentsOf: URL(fileURLWithPath: "\($0.path)/\(file)")) }
      #expect(bytes[0] == bytes[1])
    }
    #expect(try folder.names() == ["spilled", "whole", "whole.csv"])
  }

  @Test func leaveOneOutMarksAndAuditsTheLastTwo() throws {
    var events: [RandomEvent] = []
    for (user, seconds) in [("tied", [1, 2, 9, 9]), ("clear", [3, 5, 7, 20]), ("testTie", [1, 9, 9, 9]), ("short", [8, 30])] {
      for (index, second) in seconds.enumerated() {
        events.append(RandomEvent(user: user, item: "i\(index)", seconds: second, scene: "s", behavior: "b"))
      }
    }
    var options = try options(events)
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    let dataset = try prepare(options)
    let audit = dataset.manifest.audit
    #expect(audit.usersWithTest == 3 && audit.usersWithValidation == 3)
    #expect(audit.validationTestTies == 2 && audit.validationTestTieShare == 2.0 / 3)
    #expect(audit.earliestTestTime == 9_000_000)
    // Of tied, clear and testTie no training event is later than second 9; of short (training only) the one at 30.
    #expect(audit.trainingAfterEarliestTest == 1 && audit.trainingAfterEarliestTestShare == 1.0 / 8)
    let found = try #require(try dataset.find(user: "clear"))
    let clear = try dataset.shard(found.shard).events(found.user)
    #expect(clear.trainCount == 2 && clear.validation == 2 && clear.test == 3 && clear.count == 4)
    #expect(try dataset.find(user: "nobody") == nil)
  }

  @Test func timeSplitCountsWhatItLeavesOut() throws {
    var events: [RandomEvent] = []
    for (user, seconds) in [("both", [1, 2, 10, 11, 12]), ("before", [1, 2, 3]), ("after", [10, 11]), ("tie", [4, 10, 10])] {
      for second in seconds { events.append(RandomEvent(user: user, item: "i", seconds: second, scene: "s", behavior: "b")) }
    }
    var options = try options(events)
    (options.minimumUserEvents, options.minimumItemEvents, options.duplicates) = (1, 1, .keep)
    options.split = try SplitProtocol("time:10")
    let manifest = try prepare(options).manifest
    #expect(manifest.split == SplitCounts(training: 4, validation: 2, test: 2, unused: 5))
    #expect(manifest.audit.eventsAfterCutUnused == 5 && manifest.audit.usersWithoutHistory == 1)
    #expect(manifest.audit.trainingAfterEarliestTest == 0 && manifest.audit.testTies == 0)
  }

  @Test func shuffledTiesDoNotDependOnTheRowsOrder() throws {
    let events = RandomEvent.make(1_500, seed: 4)
    var seen: Set<[String]> = []
    // One event per user, item and time: then the rows' order carries nothing but the order of ties.
    let unique = events.filter { seen.insert([$0.user, $0.item, "\($0.seconds)"]).inserted }
    var options = try options(unique, "forward")
    options.ties = .shuffle(seed: 1)
    let forward = try histories(try prepare(options))
    options.interactions = [try folder.write("backward.csv", RandomEvent.csv(unique.reversed()))]
    options.output = folder.file("backward")
    #expect(try histories(try prepare(options)) == forward)
    options.output = folder.file("other")
    options.ties = .shuffle(seed: 2)
    #expect(try histories(try prepare(options)) != forward)
  }
}
