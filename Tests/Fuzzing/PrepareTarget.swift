import Datasets
import Files
import Foundation
import Preparation
import TestSupport

extension FuzzTarget {
  /// Interactions and items made into a data set by rules that the first two bytes choose; what is made must open.
  static var prepare: FuzzTarget {
    FuzzTarget("prepare", seeds: { _ in preparationSeeds }) { folder in
      return { input in
        guard input.count >= 2 else { return }
        let rules = Int(input[0]) | Int(input[1]) << 8
        let parts = InputParts.split(UnsafeRawBufferPointer(rebasing: input.dropFirst(2)), into: 2)
        folder.put("interactions", parts[0])
        folder.put("items", parts[1])
        let options = options(rules, folder)
        attempt {
          let manifest = try Preparation(options).run()
          do {
            let dataset = try Dataset(path: options.output)
            try dataset.verifyChecksums()
            must(dataset.manifest == manifest, "the manifest is not as it was")
            try DatasetWalk.everything(dataset)
          } catch {
            fatalError("the data set that was made does not open: \(error)")
          }
        }
        must(try! folder.names().allSatisfy { ["interactions", "items", "d"].contains($0) }, "something is left")
      }
    }
  }

  private static func options(_ rules: Int, _ folder: TemporaryFolder) -> PreparationOptions {
    var options = PreparationOptions()
    options.format = InputFormat.allCases[rules % InputFormat.allCases.count]
    (options.interactions, options.items) = ([folder.file("interactions")], rules & 8 == 0 ? [] : [folder.file("items")])
    (options.output, options.overwrite, options.virtualShards) = (folder.file("d"), true, 1 + (rules >> 4 & 3))
    options.split = rules & 64 == 0 ? .leaveOneOut : .time(cut: 120_000_000, text: "120")
    options.ties = rules & 128 == 0 ? .fileOrder : .shuffle(seed: 3)
    options.duplicates = DuplicateRule.allCases[(rules >> 8 & 3) % DuplicateRule.allCases.count]
    options.itemKey = rules & 1024 == 0 ? .item : .itemScene
    options.memory = rules & 2048 == 0 ? 0 : 1 << 20
    (options.minimumUserEvents, options.minimumItemEvents) = (rules >> 12 & 3, rules >> 14 & 1)
    options.maximumBadRows = .count(.max)
    return options
  }

  private static var preparationSeeds: [[UInt8]] {
    let interactions = FuzzWorld.interactions, items = FuzzWorld.items
    return [0, 1 << 3, 0x34F8, 0xB7B8].map { rules in
      [UInt8(rules & 0xFF), UInt8(rules >> 8)] + InputParts.join([Array(interactions.utf8), Array(items.utf8)])
    }
  }
}
