import Collectives
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Many ranks make the bytes that one makes.
@Suite struct PreparationRanksTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Made-up events cut into files of uneven length, one of them without an event.
  private func files(_ events: [RandomEvent], at cuts: [Int] = [40, 900, 900, 1_300, 2_100]) throws -> [String] {
    let bounds = [0] + cuts + [events.count]
    return try zip(bounds, bounds.dropFirst()).enumerated().map { index, cut in
      try folder.write("events-\(index).csv", RandomEvent.csv(Array(events[cut.0..<cut.1])))
    }
  }

  private func options(_ files: [String]) throws -> PreparationOptions {
    var options = PreparationOptions()
    (options.interactions, options.virtualShards, options.overwrite) = (files, 8, true)
    (options.minimumUserEvents, options.minimumItemEvents) = (9, 12)
    options.maximumBadRows = .count(100)
    return options
  }

  /// Bad rows that were told.
  private final class Said: Sendable {
    let lines = Mutex<[String]>([])
  }

  /// Prepares on so many ranks; all files of the data set, and what was said.
  private func prepare(
    _ options: PreparationOptions, ranks: Int, said: Said = Said()
  ) throws -> (files: [String: Data], said: [String]) {
    var options = options
    options.output = folder.file("dataset-\(ranks)")
    let settled = options
    try RankThreads.run(ranks: ranks) { communicator in
      let reporter = PreparationReporter(note: { line in
        if communicator.isFirst && line.hasPrefix("bad row") { said.lines.withLock { $0.append(line) } }
      })
      _ = try Preparation(settled, reporter: reporter, on: communicator).run()
    }
    let dataset = try Dataset(path: options.output)
    try dataset.verifyChecksums()
    let names = dataset.manifest.files.map(\.path) + [DatasetManifest.fileName]
    let files = try names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(options.output)/\($0)"))) }
    return (Dictionary(uniqueKeysWithValues: files), said.lines.withLock { $0 })
  }

  /// Compares 1 rank with 2, 3 and 11: more than there are files, and than shards.
  private func expectTheSame(_ options: PreparationOptions, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let alone = try prepare(options, ranks: 1)
    for ranks in [2, 3, 11] {
      let together = try prepare(options, ranks: ranks)
      let others = alone.files.filter { together.files[$0.key] != $0.value }.map(\.key).sorted()
      #expect(others.isEmpty && together.files.count == alone.files.count, "\(ranks) ranks", sourceLocation: sourceLocation)
      #expect(together.said == alone.said, "\(ranks) ranks", sourceLocation: sourceLocation)
    }
  }

  /// Some 100 items, most with several rows; texts that are not UTF-8, and scenes that no event has.
  private func items() throws -> [String] {
    var random = SplitMix(state: 9)
    return try (0..<3).map { file in
      var data = Data("item,text,scene\n".utf8)
      for row in 0..<120 {
        data.append(Data("i\(Int.random(in: 0..<100, using: &random)),".utf8))
        if Int.random(in: 0..<3, using: &random) > 0 { data.append(Data("title \(file) <b>\(row)</b>".utf8)) }
        if row % 17 == 0 { data.append(0xE9) }
        data.append(Data(",\(["home", "shelf \(row % 7)", ""][row % 3])\n".utf8))
      }
      data.append(Data(",no item,home\n".utf8))
      return try folder.write("items-\(file).csv", data)
    }
  }

  @Test(arguments: [
    (DuplicateRule.exact, TieOrder.fileOrder, ItemKey.item), (.first, .shuffle(seed: 3), .item), (.keep, .fileOrder, .itemScene),
  ])
  func anyNumberOfRanksMakesTheSame(duplicates: DuplicateRule, ties: TieOrder, key: ItemKey) throws {
    var options = try options(files(RandomEvent.make(3_000, seed: 4)))
    (options.duplicates, options.ties, options.itemKey, options.items) = (duplicates, ties, key, try items())
    try expectTheSame(options)
    options.split = try SplitProtocol("time:1030")
    options.coldItems = try ColdItems("0.2:5")
    options.since = try EventFloor("1003")
    try expectTheSame(options)
  }

  /// Buffers that spill on every rank, while reading and while sorting.
  @Test(arguments: [0, 2_000, 40_000]) func anyMemoryMakesTheSame(memory: Int) throws {
    var options = try options(files(RandomEvent.make(3_000, seed: 6)))
    options.memory = memory
    try expectTheSame(options)
  }

  @Test func appendingOnRanksMakesTheSame() throws {
    let files = try files(RandomEvent.make(3_000, seed: 8))
    var old = try options(Array(files[..<4]))
    (old.output, old.items) = (folder.file("old"), try items())
    (old.minimumUserEvents, old.minimumItemEvents) = (5, 4)
    _ = try Preparation(old).run()
    var new = try options(Array(files[4...]))
    try new.append(to: try Dataset(path: old.output))
    (new.minimumUserEvents, new.minimumItemEvents) = (4, 4)
    try expectTheSame(new)
    new.since = try EventFloor("1004")
    new.goneItems = .drop
    try expectTheSame(new)
  }

  /// An earlier version let line separators into names: such a user of the old data set is good in any file, whichever rank reads it.
  @Test func oldNamesStayGood() throws {
    let rows = (0..<40).map { "u\u{2028}1,a@b,\(5_000 + $0),feed\nu0,new@x,\(5_001 + $0),shop\n" }
    let files = try rows.enumerated().map { try folder.write("\($0).csv", "user,item,timestamp,scene\n" + $1) }
    var options = try options(files)
    options.maximumBadRows = .count(0)
    try options.append(to: try Dataset(path: Fixtures.path("datasets/at-items")))
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    try expectTheSame(options)
  }

  @Test func badRowsAreThoseOfTheFilesInOrder() throws {
    var files = try files(RandomEvent.make(3_000, seed: 2))
    for index in files.indices {
      let rows = (0...index).map { "user,item,no time \($0),home,view\n" }.joined()
      files[index] = try folder.write("broken-\(index).csv", String(contentsOfFile: files[index], encoding: .utf8) + rows)
    }
    let options = try options(files)
    try expectTheSame(options)
    #expect(try prepare(options, ranks: 3).said.count == 5)
  }

  @Test(arguments: [1, 2, 5]) func theFirstDamagedFileIsNamed(ranks: Int) throws {
    var files = try files(RandomEvent.make(3_000, seed: 2))
    for index in [3, 5] { files[index] = try folder.write("cut-\(index).csv.gz", Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3])) }
    let options = try options(files)
    let error = #expect(throws: (any Error).self) { try prepare(options, ranks: ranks) }
    #expect("\(try #require(error))".hasPrefix("\(files[3]) is gzip data cut short"), "\(String(describing: error))")
    #expect(try folder.names().allSatisfy { !$0.contains("dataset") })
  }

  /// Ranks that have read little until then tell what one rank would have told: the damaged file, and the bad rows before it.
  @Test func badRowsBeforeADamagedFileAreThoseOfTheFilesInOrder() throws {
    var files = try files(RandomEvent.make(3_000, seed: 2))
    let bad = "user,item,no time,home,view\n"
    for index in [0, 1, 3, 5] {
      files[index] = try folder.write("bad-\(index).csv", String(contentsOfFile: files[index], encoding: .utf8) + bad)
    }
    let whole = try gzip(files[3])
    files[3] = try folder.write("cut.csv.gz", whole.dropLast(whole.count / 2))
    let options = try options(files)
    var told: [[String]] = []
    for ranks in [1, 2, 3, 11] {
      let said = Said()
      let error = #expect(throws: (any Error).self) { try prepare(options, ranks: ranks, said: said) }
      let cause = (error as? RankFailure)?.cause ?? error
      told.append(said.lines.withLock { $0 } + ["\(try #require(cause))"])
    }
    #expect(told[0].count == 3 && told[0][2].hasPrefix("\(files[3]) is gzip data cut short"), "\(told[0])")
    #expect(told.allSatisfy { $0 == told[0] }, "\(told)")
  }

  private func gzip(_ path: String) throws -> Data {
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    (process.arguments, process.standardOutput) = (["gzip", "-c", path], pipe)
    try process.run()
    return pipe.fileHandleForReading.readDataToEndOfFile()
  }

  /// Each rank's own names are few enough, all ranks' are not.
  @Test func tooManyScenesOfAllRanksAreOneSentence() throws {
    let files = try (0..<2).map { file in
      let rows = (0..<40_000).map { "u\($0 % 9),i\($0 % 7),\($0),s\(file) \($0)\n" }
      return try folder.write("\(file).csv", "user,item,timestamp,scene\n" + rows.joined())
    }
    let options = try options(files)
    var told: Set<String> = []
    for ranks in [1, 2, 3] {
      let error = #expect(throws: (any Error).self) { try prepare(options, ranks: ranks) }
      told.insert("\(try #require((error as? RankFailure)?.cause ?? error))")
    }
    #expect(told == ["there are more than 65535 different values of scene; is the right column named?"])
  }

  @Test func tooManyBadRowsOfAllRanksEndIt() throws {
    var files = try files(RandomEvent.make(3_000, seed: 2))
    for index in [1, 4] {
      files[index] = try folder.write("b-\(index).csv", "user,item,timestamp\n" + String(repeating: "u,i,x\n", count: 40))
    }
    var options = try options(files)
    for (limit, isEnough) in [(79, false), (80, true)] {
      options.maximumBadRows = .count(limit)
      for ranks in [1, 3] {
        do {
          _ = try prepare(options, ranks: ranks)
          #expect(isEnough)
        } catch {
          #expect(!isEnough && "\(error)".hasPrefix("80 of "), "\(error)")
        }
      }
    }
  }
}
