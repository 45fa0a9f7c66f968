import Datasets
import Files
import Foundation
import Preparation
import TestSupport
import Texts

/// Raw events of yesterday and today, and data sets made of them in different ways.
///
/// Today has new users, items, a scene and a behavior that come first in the files, a longer text, and a text for an item that had none.
struct GrowingWorld {
  let yesterday: Dataset
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    yesterday = try Self.prepare(folder, "yesterday", days: [0], items: 0..<30)
  }

  /// Yesterday's data set with today behind it.
  func appended() throws -> Dataset {
    try Self.prepare(folder, "appended", days: [1], items: 0..<36) { try $0.append(to: yesterday) }
  }

  /// Both days prepared anew, today's file first: every number is another.
  func renumbered() throws -> Dataset { try Self.prepare(folder, "renumbered", days: [1, 0], items: 0..<36) }

  /// Today alone: items that only yesterday knew are missing.
  func today() throws -> Dataset { try Self.prepare(folder, "today", days: [1], items: 0..<36) }

  /// The same events encoded with more tokens an item.
  func longer() throws -> Dataset { try Self.prepare(folder, "longer", days: [0], items: 0..<30, tokens: 4) }

  private static func prepare(
    _ folder: TemporaryFolder, _ name: String, days: [Int], items: Range<Int>, tokens: Int = 3,
    _ change: (inout PreparationOptions) throws -> Void = { _ in }
  ) throws -> Dataset {
    var options = PreparationOptions()
    options.interactions = try days.map { try folder.write("\(name)-\($0).csv", events(day: $0)) }
    options.items = [try folder.write("\(name)-items.csv", titles(items, isToday: items.count > 30))]
    (options.output, options.virtualShards) = (folder.file(name), 4)
    (options.minimumUserEvents, options.minimumItemEvents) = (1, 1)
    try change(&options)
    _ = try Preparation(options).run()
    let dataset = try Dataset(path: options.output)
    try encode(dataset, tokens: tokens)
    return dataset
  }

  /// Item 7 gets its text today; until then no text is longer than two words.
  private static func titles(_ items: Range<Int>, isToday: Bool) -> String {
    let rows = items.filter { $0 != 7 || isToday }.map { item in
      "i\(item),word\(item % 5) word\(item % 7)" + (item >= 30 ? " word\(item)" : "") + "\n"
    }
    return "item,text\n" + rows.joined()
  }

  private static func events(day: Int) -> String {
    var rows = ["user,item,timestamp,scene,behavior"]
    let scenes = day == 0 ? ["home", "feed"] : ["search", "feed", "home"]
    let behaviors = day == 0 ? ["view", "like"] : ["buy", "like", "view"]
    for user in (day * 10)..<(day * 10 + 40) {
      for event in 0..<8 {
        let item = day == 0 ? (user * 5 + event * 3) % 30 : 6 + (user * 3 + event * 7) % 30
        let number = user + event
        rows.append(
          "u\(user),i\(item),\(day * 1000 + event),\(scenes[number % scenes.count]),\(behaviors[number % behaviors.count])")
      }
    }
    return rows.joined(separator: "\n") + "\n"
  }
}
