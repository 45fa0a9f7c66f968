import Datasets
import TestSupport
import Testing

@testable import Preparation

@Suite struct UserEventRulesTests {
  /// Applies rules to events given as (time, item, behavior) and returns what is left and the counts.
  private func apply(
    _ events: [(Int64, UInt32, UInt16)], _ duplicates: DuplicateRule, _ ties: TieOrder = .fileOrder, user: String = "u"
  ) -> (events: [[Int]], exact: Int, dropped: Int) {
    var rules = UserEventRules(duplicates: duplicates, ties: ties) { UInt64($0.item) &* 977 &+ UInt64($0.behavior) }
    var records = events.map { EventRecord(time: $0.0, user: 0, item: $0.1, scene: 0, behavior: $0.2) }
    let id = Array(user.utf8)
    let kept = records.withUnsafeMutableBufferPointer { records in id.withUnsafeBytes { rules.apply(to: records, userID: $0) } }
    return (records[..<kept].map { [Int($0.time), Int($0.item), Int($0.behavior)] }, rules.exactDuplicates, rules.dropped)
  }

  private let events: [(Int64, UInt32, UInt16)] = [(1, 5, 0), (1, 6, 0), (1, 5, 0), (1, 5, 1), (2, 5, 0), (2, 7, 0), (2, 7, 0)]

  @Test func keepCountsButDropsNothing() {
    let result = apply(events, .keep)
    #expect(result.events.count == 7 && result.exact == 2 && result.dropped == 0)
  }

  @Test func exactDropsRepeatsOfTheWholeEvent() {
    let result = apply(events, .exact)
    #expect(result.events == [[1, 5, 0], [1, 6, 0], [1, 5, 1], [2, 5, 0], [2, 7, 0]])
    #expect(result.exact == 2 && result.dropped == 2)
  }

  @Test func firstKeepsOneEventAnItem() {
    let result = apply(events, .first)
    #expect(result.events == [[1, 5, 0], [1, 6, 0], [2, 7, 0]])
    #expect(result.exact == 2 && result.dropped == 4)
  }

  @Test func largeTiesAreSearchedTheSameWay() {
    let many = (0..<200).map { (Int64(3), UInt32($0 % 50), UInt16($0 % 2)) }
    let result = apply(many, .exact)
    #expect(result.events == (0..<50).map { [3, $0, $0 % 2] } && result.exact == 150)
  }

  @Test func shufflingDependsOnSeedAndUserButNotOnFileOrder() {
    let tied = (0..<12).map { (Int64($0 / 6), UInt32($0), UInt16(0)) }
    let reversed = Array(tied[..<6].reversed() + tied[6...].reversed())
    let shuffled = apply(tied, .exact, .shuffle(seed: 3)).events
    #expect(shuffled == apply(reversed, .exact, .shuffle(seed: 3)).events)
    #expect(shuffled != apply(tied, .exact).events)
    #expect(shuffled != apply(tied, .exact, .shuffle(seed: 4)).events)
    #expect(shuffled != apply(tied, .exact, .shuffle(seed: 3), user: "v").events)
    #expect(shuffled.map { $0[0] } == tied.map { Int($0.0) })
    #expect(Set(shuffled.map { $0[1] }) == Set(0..<12))
  }

  @Test func shuffledTiesAreUniform() {
    var firsts = [Int](repeating: 0, count: 3)
    for user in 0..<3_000 {
      firsts[apply([(1, 0, 0), (1, 1, 0), (1, 2, 0)], .exact, .shuffle(seed: 1), user: "\(user)").events[0][1]] += 1
    }
    // 1,000 expected, standard deviation 26.
    #expect(firsts.allSatisfy { (870...1_130).contains($0) })
  }

  @Test func eventsOfOneItemAreShuffledByNameOfSceneAndBehavior() throws {
    // Numbers of scenes and behaviors follow the file's order, so other rows in front must not matter either.
    let rows = [("a", "like"), ("b", "like"), ("a", "view"), ("b", "view"), ("c", "view")]
    func order(_ rows: [(String, String)], seed: UInt64) throws -> [String] {
      let folder = try TemporaryFolder()
      var builder = DatasetBuilder()
      builder.options.virtualShards = 1
      builder.options.ties = .shuffle(seed: seed)
      for (scene, behavior) in rows { builder.addEvent(user: "u", item: "i", seconds: 5, scene: scene, behavior: behavior) }
      let dataset = try builder.write(to: folder.file("d"))
      let shard = try dataset.shard(0)
      return withExtendedLifetime(shard) {
        let events = shard.events(0)
        return (0..<events.count).map { dataset.scenes[Int(events.scenes[$0])] + dataset.behaviors[Int(events.behaviors[$0])] }
      }
    }
    let expected = try order(rows, seed: 1)
    for shift in 1..<rows.count { #expect(try order(Array(rows[shift...] + rows[..<shift]), seed: 1) == expected) }
    #expect(try order(rows.reversed(), seed: 1) == expected)
    #expect(try (2..<6).contains { try order(rows, seed: $0) != expected })
  }
}
