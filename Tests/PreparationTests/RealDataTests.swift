import Datasets
import Foundation
import TestSupport
import Testing

@testable import Preparation

/// Known counts of public data sets; skipped where these are not at hand.
@Suite struct RealDataTests {
  /// The folder of a data set, from `PRECISE_DATA` or `../shared/data` beside the package, or nil with a message.
  private func folder(_ name: String) -> String? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardizedFileURL
      .path
    let path = (ProcessInfo.processInfo.environment["PRECISE_DATA"] ?? package + "/../shared/data") + "/" + name
    guard FileManager.default.fileExists(atPath: "\(path)/interactions.csv.gz") else {
      print("skipped: there is no \(path); name the folder of the data sets with PRECISE_DATA")
      return nil
    }
    return path
  }

  @Test(arguments: [
    ("movielens-1m", 6_040, 3_416, 999_611, 1), ("amazon-beauty-5core", 22_363, 12_101, 198_502, 1),
    ("amazon-2014", 72_803, 46_777, 640_996, 3),
  ])
  func publishedCounts(name: String, users: Int, items: Int, events: Int, scenes: Int) throws {
    guard let data = folder(name) else { return }
    let output = try TemporaryFolder()
    var options = PreparationOptions()
    options.interactions = ["\(data)/interactions.csv.gz"]
    options.items = ["\(data)/items.csv.gz"]
    options.output = output.file("d")
    let manifest = try Preparation(options).run()
    #expect(manifest.users == users && manifest.items == items && manifest.events == events && manifest.scenes.count == scenes)
    #expect(manifest.counts.itemsWithoutText == 0 && manifest.counts.badRows.isEmpty && manifest.counts.exactDuplicates == 0)
  }
}
