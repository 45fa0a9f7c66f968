import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// What is no error and may be a mistake is said, with the place of the first; and a split that leaves nothing to learn is refused.
@Suite struct PreparationWarningsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Four users with four events each, at these times.
  private func options(_ times: [String] = ["1000", "1001", "1002", "1003"], items: Data? = nil) throws -> PreparationOptions {
    var options = PreparationOptions()
    let rows = (0..<4).flatMap { user in times.enumerated().map { "u\(user),i\($0),\($1)\n" } }
    options.interactions = [try folder.write("e.csv", "user,item,timestamp\n" + rows.joined())]
    options.items = try items.map { [try folder.write("i.csv", Data("item,text\n".utf8) + $0)] } ?? []
    (options.output, options.overwrite, options.virtualShards) = (folder.file("d"), true, 1)
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    return options
  }

  private func warnings(_ options: PreparationOptions) throws -> [String] {
    let manifest = try Preparation(options).run()
    // They stand in the manifest, and in what inspect prints.
    #expect(try Dataset(path: options.output).manifest.warnings == manifest.warnings)
    let summary = PreparationSummary(manifest).description
    for warning in manifest.warnings ?? [] { #expect(summary.contains("warning: \(warning)")) }
    return manifest.warnings ?? []
  }

  private let titles = (0..<4).map { "i\($0),title \($0)\n" }.joined()

  @Test func nothingIsSaidOfWhatIsFine() throws {
    #expect(try warnings(try options(items: Data(titles.utf8))).isEmpty)
    #expect(try warnings(try options()).isEmpty)
  }

  /// A share of 1 lets everything through, but not without a word.
  @Test func manyBadRowsAreWarnedOf() throws {
    var options = try options(["1000", "1001", "soon", "1003", "1004"])
    options.maximumBadRows = try BadRowLimit("1")
    #expect(try warnings(options) == ["4 of 20 interaction rows are bad and were left out, as --max-bad-rows allows"])
  }

  @Test func textsThatAreNotUTF8AreCounted() throws {
    let latin = Data("i0,Les Mis".utf8) + Data([0xE9]) + Data("rables\n".utf8)
    let rest = (1..<4).map { "i\($0),title\n" }.joined() + "i0,repeated\nunused,x\n"
    let found = try warnings(try options(items: Data("i1,fine\n".utf8) + latin + Data(rest.utf8)))
    #expect(found.count == 1 && found[0].hasPrefix("1 text is not UTF-8, the first at \(folder.file("i.csv")):3; U+FFFD"))
    #expect(try Dataset(path: folder.file("d")).items.text(0) == "Les Mis\u{FFFD}rables")
  }

  @Test func idsThatDoNotMeetAreWarnedOf() throws {
    let found = try warnings(try options(items: Data((0..<4).map { "item-\($0),title\n" }.joined().utf8)))
    #expect(found.count == 2)
    #expect(found[0].hasPrefix("16 of 16 events are on items without a text"))
    #expect(found[1].hasPrefix("4 of 4 item rows are of items without any event, the first at \(folder.file("i.csv")):2"))
    // A catalogue of twice the items that are used is usual.
    #expect(try warnings(try options(items: Data((titles + "a,x\nb,x\nc,x\nd,x\n").utf8))).isEmpty)
  }

  @Test func timesThatAreHardlyMeantAreWarnedOf() throws {
    let before = try warnings(try options(["-2", "-1", "5", "6"]))
    #expect(
      before == ["8 events are dated before 1970, the first at \(folder.file("e.csv")):2 (1969-12-31T23:59:58Z)"])
    let after = try warnings(try options(["4200000000", "2103-01-01", "5", "6"]))
    #expect(
      after.count == 1 && after[0].hasPrefix("8 events are dated after 2100, the first at \(folder.file("e.csv")):2 (2103-02-04"))
    var options = try options(["70000000000", "70000000001", "70000000002", "70000000003"])
    let unit = try warnings(options)
    #expect(unit.first?.contains("in milliseconds it is 1972-03-21T04:26:40Z (--time-unit milliseconds)") == true)
    options.timeUnit = .milliseconds
    #expect(try warnings(options).isEmpty)
    options = try self.options(["1400000000", "1400000001", "1400000002", "1400000003"])
    for wrong in [TimeUnit.milliseconds, .microseconds] {
      options.timeUnit = wrong
      #expect(try warnings(options).first?.hasSuffix("are the timestamps in seconds (--time-unit)?") == true)
    }
    options.timeUnit = .seconds
    #expect(try warnings(options).isEmpty)
  }

  @Test func timesOutOfRangeNameTheUnit() throws {
    let options = try options(["1400000000123", "1400000000124", "1400000000125", "1400000000126"])
    let error = #expect(throws: InputError.self) { try Preparation(options).run() }
    #expect(error?.description.contains("in milliseconds it is 2014-05-13T16:53:20Z (--time-unit milliseconds)") == true)
  }

  @Test(arguments: ["time:1", "time:1000", "time:1970-01-01"])
  func aCutBeforeEveryEventIsRefused(split: String) throws {
    var options = try options()
    options.split = try SplitProtocol(split)
    let error = #expect(throws: InputError.self) { try Preparation(options).run() }
    #expect(error?.description.contains("leaves no event for training: the earliest is of 1970-01-01T00:16:40Z") == true)
    #expect(try folder.names() == ["e.csv"])
  }

  /// Leave-one-out of three events leaves one, and of single events there is no next one to learn either.
  @Test(arguments: [1, 3]) func histories(tooShortToLearnFrom count: Int) throws {
    var options = try options((0..<count).map { "\(1_000 + $0)" })
    let error = #expect(throws: InputError.self) { try Preparation(options).run() }
    #expect(error?.description.contains("no user with two events for training (4 events of 4 users)") == true)
    #expect(try folder.names() == ["e.csv"])
    // Two events are both for training.
    options = try self.options(["1000", "1001"])
    #expect(try Preparation(options).run().split.training == 8)
  }
}
