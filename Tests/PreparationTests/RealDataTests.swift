import Datasets
import Foundation
import TestSupport
import Testing

@testable import Preparation

/// Known counts of public data sets; skipped where these are not at hand.
@Suite struct RealDataTests {
  /// A data set and what its publishers say of it.
  struct Published: Sendable {
    let name: String
    let users, items, events, scenes: Int

    /// Its folder in the one that `PRECISE_DATA` names, else in `../shared/data` beside the package.
    var folder: String {
      let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
      return (ProcessInfo.processInfo.environment["PRECISE_DATA"] ?? package.standardizedFileURL.path + "/../shared/data")
        + "/" + name
    }
  }

  /// Those at hand.
  private static let atHand = [
    Published(name: "movielens-1m", users: 6_040, items: 3_416, events: 999_611, scenes: 1),
    Published(name: "amazon-beauty-5core", users: 22_363, items: 12_101, events: 198_502, scenes: 1),
    Published(name: "amazon-2014", users: 72_803, items: 46_777, events: 640_996, scenes: 3),
  ].filter { FileManager.default.fileExists(atPath: "\($0.folder)/interactions.csv.gz") }

  @Test(.enabled(if: !atHand.isEmpty, "there is none of the data sets; name their folder with PRECISE_DATA"), arguments: atHand)
  func publishedCounts(_ published: Published) throws {
    let data = published.folder
    let output = try TemporaryFolder()
    var options = PreparationOptions()
    options.interactions = ["\(data)/interactions.csv.gz"]
    options.items = ["\(data)/items.csv.gz"]
    options.output = output.file("d")
    let manifest = try Preparation(options).run()
    #expect(manifest.users == published.users && manifest.items == published.items && manifest.events == published.events)
    #expect(manifest.scenes.count == published.scenes)
    #expect(manifest.counts.itemsWithoutText == 0 && manifest.counts.badRows.isEmpty && manifest.counts.exactDuplicates == 0)
  }
}
