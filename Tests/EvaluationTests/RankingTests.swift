import Evaluation
import Testing

struct RankingTests {
  @Test(arguments: ["ranking", "not-a-number"], ["unfiltered", "filtered"])
  func ranksAreThoseOfTheReference(name: String, variant: String) throws {
    let fixture = try MetricsFixture(name)
    #expect(try fixture.targets.indices.map { fixture.rank($0, variant) } == fixture.ranks(variant))
  }

  private func rank(_ scores: [Float], _ target: Int, excluded: [Int32] = []) -> Int {
    rankAmong(scores, target, excluded: excluded)
  }

  @Test func equalScoresRankAheadOfTheTarget() {
    #expect(rank([1, 1, 1, 1], 0) == 4)
    #expect(rank([1, 1, 1, 1], 3) == 4)
    #expect(rank([0, 2, 1, 1], 3) == 3)
    #expect(rank([5], 0) == 1)
  }

  @Test func brokenScoresCannotLookGood() {
    #expect(rank([.nan, 1, 0], 0) == 3)
    #expect(rank([.nan, 1, 0], 1) == 2)
    #expect(rank([.nan, .nan, .nan], 1) == 3)
    #expect(rank([-.infinity, -.infinity, 0], 0) == 3)
    #expect(rank([.infinity, .infinity, 0], 0) == 2)
  }

  @Test func excludedItemsDoNotCompeteButTheTargetDoes() {
    #expect(rank([3, 2, 1], 2, excluded: [0]) == 2)
    #expect(rank([3, 2, 1], 2, excluded: [0, 1, 2]) == 1)
    #expect(rank([3, 2, 1], 0, excluded: [1, 2]) == 1)
    #expect(rank([.nan, 2, 2], 2, excluded: [0, 1]) == 1)
  }
}
