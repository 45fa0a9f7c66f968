import TestSupport
import Testing

@testable import Serving

struct TopItemsTests {
  /// The same selection by sorting everything: score down, then row up.
  private func sorted(_ scores: [Float], _ count: Int) -> [TopItems.Entry] {
    let order = scores.indices.filter { !scores[$0].isNaN }.sorted { (scores[$1], $0) < (scores[$0], $1) }
    return order.prefix(count).map { TopItems.Entry(item: $0, score: scores[$0]) }
  }

  @Test(arguments: [1, 2, 7, 60, 200, 300])
  func equalsSortingEverything(count: Int) {
    // 13 different scores over 200 items: most are ties.
    let scores = RandomValues.integers(200, below: 13, seed: 1).map { Float($0) - 6 }
    for seed in 2..<8 as Range<UInt64> {
      var top = TopItems(count)
      let order = scores.indices.sorted { RandomValues.bits(seed: seed, $0) < RandomValues.bits(seed: seed, $1) }
      for item in order { top.offer(item, scores[item]) }
      #expect(top.best == sorted(scores, count))
    }
  }

  @Test func notANumberIsNeverTaken() {
    let scores: [Float] = [.nan, 1, .nan, -.infinity, .infinity, .nan]
    for count in 1...6 {
      var top = TopItems(count)
      for (item, score) in scores.enumerated() { top.offer(item, score) }
      #expect(top.best == sorted(scores, count))
    }
  }

  @Test func nothingOfferedIsNothingFound() {
    #expect(TopItems(3).best.isEmpty)
  }
}
