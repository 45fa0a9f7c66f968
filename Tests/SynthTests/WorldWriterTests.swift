import Files
import Foundation
import TestSupport
import Testing

@testable import Synth

struct WorldWriterTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func write(_ seed: UInt64, isGzipped: Bool = false) throws -> WorldSummary {
    var options = WorldOptions()
    (options.users, options.items, options.seed) = (100, 300, seed)
    return try WorldWriter(World(options), folder: folder.path, isGzipped: isGzipped).write()
  }

  private func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.file(name))) }

  private func lines(_ name: String) throws -> [String] {
    let reader = try LineReader(path: folder.file(name))
    var lines: [String] = []
    while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }

  @Test func sameSeedSameBytes() throws {
    for name in ["interactions.csv", "items.csv"] {
      let summary = try write(7)
      let first = try data(name)
      #expect(try write(7) == summary)
      #expect(try data(name) == first)
      #expect(try write(8) != summary)
      #expect(try data(name) != first)
    }
  }

  @Test func gzippedFilesHoldTheSame() throws {
    let summary = try write(7)
    #expect(try write(7, isGzipped: true) == summary)
    for name in ["interactions.csv", "items.csv"] { #expect(try lines(name) == lines("\(name).gz")) }
    #expect(try data("interactions.csv.gz").count < data("interactions.csv").count / 2)
  }

  @Test func interactionsAreWhatTheSummarySays() throws {
    let summary = try write(7)
    let lines = try lines("interactions.csv")
    #expect(lines[0] == "user,item,scene,behavior,timestamp")
    let rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(rows.count == summary.events)
    #expect(rows.allSatisfy { $0.count == 5 && $0[0].count == 4 && $0[1].count == 4 && Int($0[4]) != nil })
    #expect(rows.count { $0[2] == "shop" } == summary.eventsByScene[2])
    #expect(rows.count { $0[3] == "like" } == summary.eventsByBehavior[1])
    #expect(rows.compactMap { Int($0[4]) }.max() == summary.lastTime)
    #expect(Set(rows.map { $0[0] }).count == 100)
  }

  @Test func titlesAreQuotedAndShareWords() throws {
    _ = try write(7)
    let lines = try lines("items.csv")
    #expect(lines[0] == "item,scene,text")
    let titles = lines.dropFirst().map { line in line.split(separator: ",", maxSplits: 2)[2] }
    #expect(titles.allSatisfy { $0.hasPrefix("\"") == ($0.contains(",") || $0.contains("\"")) })
    #expect(titles.contains { $0.contains("\"\"") })
    #expect(titles.contains { !$0.hasPrefix("\"") })
    let words = titles.flatMap { $0.split { !$0.isLetter } }
    #expect(Set(words).count < words.count / 4)
    let ids = Set(lines.dropFirst().map { $0.prefix { $0 != "," } })
    #expect(ids.count == 300)
    #expect(lines.count - 1 > 300)
    #expect(CSVField.quoted("a \"b\" c,d\"") == "\"a \"\"b\"\" c,d\"\"\"")
  }

  @Test func wordsNeverRepeat() {
    for count in [10, 30_000] {
      let vocabulary = Vocabulary(seed: 3, count: count)
      #expect(Set((0..<count).map(vocabulary.word)).count == count)
    }
  }
}
