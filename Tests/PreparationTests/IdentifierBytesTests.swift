import Files
import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Preparation

/// Users, items, scenes and behaviors whose names Unicode calls the same stay apart from the file to the opened data set.
@Suite struct IdentifierBytesTests {
  private let folder: TemporaryFolder
  private let spellings = ["caf\u{E9}", "cafe\u{301}"]

  init() throws { folder = try TemporaryFolder() }

  private func prepare(_ name: String, appendedTo old: Dataset? = nil) throws -> Dataset {
    var (events, items) = ("user,item,timestamp,scene,behavior\n", "item,text\n")
    for (user, one) in spellings.enumerated() {
      items += "\(one),title \(user)\n"
      for (second, other) in (spellings + spellings).enumerated() {
        events += "\(one),\(other),\(100 * user + second),\(other),\(one)\n"
      }
    }
    var options = PreparationOptions()
    options.interactions = [try folder.write("\(name).csv", events)]
    options.items = [try folder.write("\(name)-items.csv", items)]
    (options.output, options.virtualShards, options.minimumUserEvents, options.minimumItemEvents) = (folder.file(name), 3, 1, 1)
    if let old { try options.append(to: old) }
    _ = try Preparation(options).run()
    return try Dataset(path: options.output)
  }

  private func bytes(_ names: [String]) -> [[UInt8]] { names.map { Array($0.utf8) } }

  @Test func stayApart() throws {
    let dataset = try prepare("d")
    #expect(dataset.manifest.users == 2 && dataset.items.count == 2 && dataset.manifest.events == 8)
    // Through the manifest's JSON too.
    #expect(bytes(dataset.scenes) == bytes(spellings) && bytes(dataset.behaviors) == bytes(spellings))
    #expect(bytes((0..<2).map(dataset.items.id)) == bytes(spellings))
    for (index, spelling) in spellings.enumerated() {
      #expect(dataset.items.index(of: spelling) == index && dataset.items.text(index) == "title \(index)")
      let found = try #require(try dataset.find(user: spelling))
      let shard = try dataset.shard(found.shard)
      #expect(Array(shard.id(found.user).utf8) == Array(spelling.utf8))
      let events = shard.events(found.user)
      #expect(Array(events.items) == [0, 1, 0, 1] && events.behaviors.allSatisfy { Int($0) == index })
    }
    // Appended once more, everything is a repeat of itself and of nothing else.
    let again = try prepare("again", appendedTo: dataset)
    #expect(again.manifest.counts.exactDuplicates == 8 && again.manifest.events == 8)
    #expect(bytes((0..<2).map(again.items.id)) == bytes(spellings) && again.manifest.users == 2)
  }

  @Test func newItemsAreKnownByBytes() throws {
    var builder = DatasetBuilder()
    for second in 0..<2 { builder.addEvent(user: "u", item: spellings[0], seconds: second) }
    let dataset = try builder.write(to: folder.file("d"))
    let path = try folder.write("new.csv", "item,text\n\(spellings[0]),known\n\(spellings[1]),new\n")
    let texts = try NewItemTexts(path: path, newTo: dataset)
    #expect(texts.knownRows == 1 && bytes(texts.ids) == bytes([spellings[1]]))
  }
}
