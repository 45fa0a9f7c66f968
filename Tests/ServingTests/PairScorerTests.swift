import Datasets
import Files
import Foundation
import Preparation
import TestSupport
import Testing

@testable import Serving

struct PairScorerTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func lines(_ path: String) throws -> [String] {
    let reader = try LineReader(path: path)
    var lines: [String] = []
    while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }

  /// Every item's score for a user, by the recommender.
  private func scores(_ user: String, _ served: ServedModel) throws -> [String: Float] {
    var rules = Recommender.Rules()
    rules.count = served.dataset.items.count
    let events = try #require(try Lookup(served.dataset).events(ofUser: user))
    let found = try Recommender(served, rules: rules).recommend([events])[0].items
    return Dictionary(uniqueKeysWithValues: found.map { (served.dataset.items.id($0.item), $0.score) })
  }

  @Test(arguments: ["universal", "like"])
  func scoresAreTheRecommendersInTheOrderOfTheFile(phase: String) throws {
    let served = try ServedWorld.hashed().served(phase)
    // More than a block, users scattered over it.
    let pairs = (0..<PairScorer.blockPairs + 100).map { (user: "u\($0 * 7 % ServedWorld.users)", item: "i\($0 * 11 % 30)") }
    let path = try folder.write("pairs.csv", "user,item\n" + pairs.map { "\($0.user),\($0.item)\n" }.joined())
    let summary = try PairScorer(served).score(pairs: path, to: folder.file("scores.csv"))
    #expect(summary == PairScorer.Summary(pairs: pairs.count, unknownPairs: 0, firstUnknown: nil))
    var expected: [String: [String: Float]] = [:]
    for user in Set(pairs.map(\.user)) { expected[user] = try scores(user, served) }
    let found = try lines(folder.file("scores.csv"))
    #expect(found.count == pairs.count + 1 && found.first == "user,item,score")
    for (line, pair) in zip(found.dropFirst(), pairs) {
      let fields = line.split(separator: ",")
      let score = try #require(Float(fields[2]))
      let isRight = fields[0] == pair.user && fields[1] == pair.item
      guard isRight, let wanted = expected[pair.user]?[pair.item], abs(score - wanted) < 1e-4 else {
        Issue.record("\(line) for \(pair)")
        break
      }
    }
  }

  @Test func unknownIdsGetNoScoreOrAreRefused() throws {
    let served = try ServedWorld.hashed().served()
    let path = try folder.write("pairs.csv", "item,x,user\ni1,,u1\n\"no,item\",,u1\ni1,,nobody\n")
    let output = folder.file("scores.csv")
    let summary = try PairScorer(served).score(pairs: path, to: output)
    #expect(summary == PairScorer.Summary(pairs: 3, unknownPairs: 2, firstUnknown: "item no,item"))
    let found = try lines(output)
    #expect(found[1].hasPrefix("u1,i1,") && Float(found[1].dropFirst(6)) != nil)
    #expect(Array(found.dropFirst(2)) == ["u1,\"no,item\",", "nobody,i1,"])
    let refused = folder.file("refused.csv")
    let error = #expect(throws: InputError.self) { try PairScorer(served, isStrict: true).score(pairs: path, to: refused) }
    #expect(error?.description.hasPrefix("\(path):3: item no,item") == true)
    #expect(try folder.names() == ["pairs.csv", "scores.csv"])
  }

  @Test func compressedFilesGoInAndOut() throws {
    let served = try ServedWorld.hashed().served()
    let path = try folder.write("pairs.tsv", "user\titem\nu1\ti1\nu2\ti2\n")
    _ = try PairScorer(served).score(pairs: path, to: folder.file("scores.csv.gz"))
    _ = try PairScorer(served).score(pairs: path, to: folder.file("scores.csv"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("scores.csv.gz")))
    #expect(bytes.prefix(2) == Data([0x1F, 0x8B]))
    #expect(try lines(folder.file("scores.csv.gz")) == lines(folder.file("scores.csv")))
    // What score writes, score reads: further columns are passed over.
    let again = try PairScorer(served).score(pairs: folder.file("scores.csv.gz"), to: folder.file("again.csv"))
    #expect(again.pairs == 2)
    #expect(try lines(folder.file("again.csv")) == lines(folder.file("scores.csv")))
  }

  @Test func damagedRowsLeaveNothing() throws {
    let served = try ServedWorld.hashed().served()
    for text in ["user,item\nu1\n", "user,thing\nu1,i1\n", "user,item\n,i1\n", ""] {
      let path = try folder.write("pairs.csv", text)
      #expect(throws: InputError.self) { try PairScorer(served).score(pairs: path, to: folder.file("scores.csv")) }
    }
    #expect(try folder.names() == ["pairs.csv"])
  }

  /// A quote with a combining mark behind it is a quote all the same: what is written reads back as the ids that came.
  @Test func idsComeBackByBytes() throws {
    let served = try ServedWorld.hashed().served()
    let strange = ["a\"\u{301},x", "\"", ",\u{308}", "caf\u{E9}", "cafe\u{301}", "a\\\"b"]
    let rows = strange.map { "u1\t\($0)\n" }.joined()
    let path = try folder.write("pairs.tsv", "user\titem\n" + rows)
    _ = try PairScorer(served).score(pairs: path, to: folder.file("scores.csv"))
    let pairs = try IdentifierPairs(path: folder.file("scores.csv"))
    var found: [String] = []
    while let pair = try pairs.next() { found.append(pair.item) }
    #expect(found.map { Array($0.utf8) } == strange.map { Array($0.utf8) })
  }
}
