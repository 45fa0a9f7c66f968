import Testing

@testable import Collectives

struct SharesTests {
  /// Nothing, little, nothing to do, even, rising, one that outweighs all, and more than numbers are exact for.
  private static let works: [[Int]] = [
    [], [0], [5], [5, 5], [0, 0, 0], [5, 0, 0], [0, 0, 5, 0], [Int](repeating: 3, count: 1_000),
    (0..<1_000).map { (index: Int) -> Int in index * index }, (0..<200).map { (index: Int) -> Int in index * 7_919 % 1_000 },
    [1_000_000] + [Int](repeating: 1, count: 99), [Int](repeating: 1, count: 99) + [1_000_000], [Int.max, 1, Int.max],
  ]

  private static func parts(of work: [Int], ranks: Int) -> [Range<Int>] {
    (0..<ranks).map { rank in Shares.range(of: rank, ranks: ranks, count: work.count) { work[$0] } }
  }

  @Test(arguments: [1, 2, 3, 7, 64]) func equalThingsAreSharedEvenly(ranks: Int) {
    for count in [0, 1, 5, 64, 1_000] {
      let parts = (0..<ranks).map { Shares.range(of: $0, ranks: ranks, count: count) }
      #expect(parts.flatMap { Array($0) } == Array(0..<count))
      #expect(parts.allSatisfy { (count / ranks...count / ranks + 1).contains($0.count) })
    }
  }

  /// Ranks' parts one behind the other are everything, in order; none is more than an even share and the largest thing.
  @Test(arguments: [1, 2, 3, 7, 40, 64]) func unevenThingsAreSharedByWork(ranks: Int) {
    for work in Self.works {
      let parts = Self.parts(of: work, ranks: ranks)
      #expect(parts.flatMap { Array($0) } == Array(work.indices), "\(work): \(parts)")
      let shares = parts.map { $0.reduce(0.0) { $0 + Double(work[$1]) } }
      let most = work.reduce(0.0) { $0 + Double($1) } / Double(ranks) + Double(work.max() ?? 0)
      #expect(shares.allSatisfy { $0 <= most * 1.000_001 }, "\(work): \(shares)")
    }
  }

  /// A thing goes where its middle lies, not where it begins.
  @Test func theMiddleDecides() {
    #expect(Self.parts(of: [4, 4, 4], ranks: 2) == [0..<1, 1..<3])
    #expect(Self.parts(of: [1, 8, 1], ranks: 2) == [0..<1, 1..<3])
    #expect(Self.parts(of: [3, 8, 1], ranks: 2) == [0..<1, 1..<3])
    #expect(Self.parts(of: [1, 8, 3], ranks: 2) == [0..<2, 2..<3])
  }
}
