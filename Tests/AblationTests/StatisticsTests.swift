import Testing

@testable import Ablation

/// Against numbers worked out by hand.
struct StatisticsTests {
  private func isNear(_ value: Double?, _ expected: Double) -> Bool { abs((value ?? .nan) - expected) < 1e-12 }

  @Test func spreads() throws {
    // Mean 4; squares 4 + 0 + 4, over 2: 4, root 2; over the root of 3.
    let spread = try #require(Spread([2, 4, 6]))
    #expect(spread.mean == 4 && spread.deviation == 2 && isNear(spread.error, 2 / 3.0.squareRoot()) && spread.count == 3)
    let one = try #require(Spread([0.25]))
    #expect(one.mean == 0.25 && one.deviation == nil && one.error == nil)
    #expect(Spread([]) == nil && Spread([3, 3])?.deviation == 0)
  }

  /// What a seed does to both falls out: each way spreads by 2, their difference hardly.
  @Test func differencesArePaired() throws {
    let difference = try #require(PairedDifference([2, 4, 6], minus: [1, 3.5, 4.5]))
    // 1, 0.5, 1.5: mean 1, deviation 0.5, error 0.5 / √3.
    #expect(difference.mean == 1 && isNear(difference.error, 0.5 / 3.0.squareRoot()))
    let gaps = try #require(PairedDifference([2, nil, 6, 8], minus: [1, 3, nil, 5]))
    // 1 and 3: mean 2, deviation √2, error 1.
    #expect(gaps.mean == 2 && isNear(gaps.error, 1) && gaps.spread.count == 2)
    #expect(PairedDifference([nil, 2], minus: [1, nil]) == nil)
    let one = try #require(PairedDifference([0.5], minus: [0.75]))
    #expect(one.mean == -0.25 && one.error == nil)
  }
}
