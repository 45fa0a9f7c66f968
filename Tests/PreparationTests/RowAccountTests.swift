import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Where the rows of the files went: every part is counted, and the parts add up.
@Suite struct RowAccountTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func options(_ name: String, _ rows: [String], minimum: Int = 2) throws -> PreparationOptions {
    var options = PreparationOptions()
    options.interactions = [try folder.write("\(name).csv", "user,item,timestamp\n" + rows.map { "\($0)\n" }.joined())]
    (options.output, options.virtualShards, options.maximumBadRows) = (folder.file(name), 2, .share(1))
    (options.minimumUserEvents, options.minimumItemEvents, options.mayLackTraining) = (minimum, minimum, true)
    return options
  }

  private func expectSum(_ account: RowAccount?) {
    let parts = account.map { $0.kept + $0.bad + $0.duplicates + $0.tooOld + $0.belowUserMinimum + $0.belowItemMinimum }
    #expect(parts == account?.rows && account != nil)
  }

  private let known = ["a", "b", "c"].flatMap { user in (0..<3).map { "\(user),i\($0),\(1_000 + $0)" } }

  @Test func everyRowIsAccountedFor() throws {
    // One bad, one duplicate, one too old; user z is single, and item j has one event of user a.
    var options = try options("d", known + ["a,i0,soon", "a,i0,1000", "b,i1,5", "z,i0,2000", "a,j,3000"])
    options.since = try EventFloor("10")
    let manifest = try Preparation(options).run()
    let account = try #require(manifest.counts.newRows)
    expectSum(account)
    #expect([account.rows, account.kept, account.bad, account.duplicates, account.tooOld] == [14, 9, 1, 1, 1] as [Int])
    #expect(account.belowUserMinimum == 1 && account.belowItemMinimum == 1 && account.keptShare == 9.0 / 14)
    #expect(manifest.events == account.kept)
    let summary = PreparationSummary(manifest).description
    #expect(
      summary.contains(
        "64.29% of them are in the data set (9); not: 1 bad, 1 duplicate, 1 too old, 1 of users with fewer than 2 events, "
          + "1 on items with fewer than 2"))
    #expect(summary.contains("the minimums dropped 14.3% of the files' rows; lower --min-user-events or --min-item-events"))
    #expect(manifest.warnings?.contains { $0.contains("minimums") } != true)
  }

  @Test func fewBelowTheMinimumsNeedNoAdvice() throws {
    let rows = (0..<100).map { "u\($0 / 5),i\($0 % 5),\($0)" } + ["z,i0,7"]
    let manifest = try Preparation(options("d", rows)).run()
    #expect(manifest.counts.newRows?.belowUserMinimum == 1)
    #expect(!PreparationSummary(manifest).description.contains("lower --min"))
  }

  /// Users and items that were known are never dropped, and a lower minimum keeps what is new.
  @Test func aDaysEventsAreNotLostInSilence() throws {
    _ = try Preparation(options("old", known)).run()
    let today = ["a,i0,5000", "z,i0,5001", "b,new,5002", "y,i1,5003", "y,i2,5004", "a,i1,1"]
    var inherited = try options("inherited", today)
    inherited.since = try EventFloor("1000")
    try inherited.append(to: try Dataset(path: folder.file("old")))
    let first = try Preparation(inherited).run()
    expectSum(first.counts.newRows)
    #expect(first.counts.newRows?.kept == 3 && first.counts.newRows?.tooOld == 1 && first.events == known.count + 3)
    #expect(
      first.warnings == [
        "the minimums dropped 33.3% of the files' rows; lower --min-user-events or --min-item-events to keep them (1 drops none)"
      ])
    var lowered = inherited
    (lowered.minimumUserEvents, lowered.minimumItemEvents, lowered.output) = (1, 1, folder.file("lowered"))
    let second = try Preparation(lowered).run()
    expectSum(second.counts.newRows)
    #expect(second.counts.newRows?.kept == 5 && second.warnings == nil && second.users == 5 && second.items == 4)
    #expect(second.preparation.minimumUserEvents == 1 && second.appendedTo?.minimumUserEvents == 2)
    // A minimum far above leaves the known ones alone.
    (lowered.minimumUserEvents, lowered.minimumItemEvents, lowered.output) = (9, 9, folder.file("higher"))
    let third = try Preparation(lowered).run()
    #expect(third.users == 3 && third.items == 3 && third.counts.newRows?.kept == 1)
  }

  /// Old events that are too old are no rows of today's.
  @Test func theOldDataSetsEventsDoNotCount() throws {
    _ = try Preparation(options("old", known)).run()
    var options = try options("new", ["a,i2,5000", "b,i2,5001"])
    options.since = try EventFloor("1001")
    try options.append(to: try Dataset(path: folder.file("old")))
    let manifest = try Preparation(options).run()
    #expect(manifest.counts.eventsTooOld == 3 && manifest.counts.newRows?.tooOld == 0)
    #expect(manifest.counts.newRows?.kept == 2 && manifest.events == 6 + 2)
  }

  /// Random worlds of every rule: what was kept is what came in.
  @Test(arguments: [DuplicateRule.exact, .first, .keep], [1, 3, 6])
  func keptRowsAreTheNewEvents(duplicates: DuplicateRule, minimum: Int) throws {
    let events = RandomEvent.make(1_500, seed: 9)
    let rows = RandomEvent.csv(events).split(separator: "\n").map(String.init)
    func options(_ name: String, _ part: ArraySlice<String>) throws -> PreparationOptions {
      var options = try self.options(name, [], minimum: minimum)
      options.interactions = [try folder.write("\(name).csv", ([rows[0]] + part).map { "\($0)\n" }.joined())]
      options.duplicates = duplicates
      return options
    }
    let old = try Preparation(options("old", rows[1..<900])).run()
    expectSum(old.counts.newRows)
    #expect(old.counts.newRows?.kept == old.events)
    var more = try options("new", rows[900...])
    try more.append(to: try Dataset(path: folder.file("old")))
    let new = try Preparation(more).run()
    expectSum(new.counts.newRows)
    #expect(new.counts.newRows?.kept == new.events - old.events)
  }

  /// Manifests of earlier versions say nothing of it.
  @Test func olderManifestsHaveNoAccount() throws {
    let old = try Dataset(path: Fixtures.path("earlier/dataset"))
    #expect(old.manifest.counts.newRows == nil)
    #expect(!PreparationSummary(old.manifest).description.contains("of them are in the data set"))
  }
}
