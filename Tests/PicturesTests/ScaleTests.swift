import Testing

@testable import Pictures

struct ScaleTests {
  @Test(arguments: [
    (0.0, 0.074, [0, 0.02, 0.04, 0.06, 0.08]), (0, 0, [0, 1e-6]), (0, 0.1, [0, 0.02, 0.04, 0.06, 0.08, 0.1]),
    (-3, 9, [-5, 0, 5, 10]), (-20, -4, [-20, -15, -10, -5, 0]), (.nan, .infinity, [0, 0.2, 0.4, 0.6, 0.8, 1]),
  ])
  func axesHaveAFewRoundTicks(lowest: Double, highest: Double, ticks: [Double]) {
    let scale = Scale(lowest: lowest, highest: highest, from: 200, to: 100)
    #expect(scale.ticks.count == ticks.count, "\(scale.ticks)")
    #expect(zip(scale.ticks, ticks).allSatisfy { abs($0 - $1) < 1e-9 }, "\(scale.ticks)")
    #expect(scale.y(scale.lowest) == 200 && scale.y(scale.ticks.last ?? 0) == 100)
  }

  @Test func ticksAreRoundAndCoverTheValues() {
    let scale = Scale(lowest: 0, highest: 0.21, from: 100, to: 0)
    #expect(scale.ticks.map(scale.label) == ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25"])
    #expect(scale.y(0) == 100 && scale.y(0.25) == 0 && abs(scale.y(0.125) - 50) < 1e-9)
  }

  @Test func anAxisNeedNotBeginAtZero() {
    let scale = Scale(lowest: 5.3, highest: 10.9, includesZero: false, from: 100, to: 0)
    #expect(scale.ticks.map(scale.label) == ["4", "6", "8", "10", "12"])
    #expect(Scale(lowest: 5.3, highest: 10.9, from: 100, to: 0).lowest == 0)
  }

  @Test func largeNumbersHaveSeparatorsOrMillions() {
    let thousands = Scale(highest: 120_000, from: 100, to: 0)
    #expect(thousands.ticks.map(thousands.label) == ["0", "50 k", "100 k", "150 k"])
    let near = Scale(lowest: 20_003, highest: 20_011, includesZero: false, from: 100, to: 0)
    #expect(near.ticks.map(near.label).first == "20,002" && Set(near.ticks.map(near.label)).count == near.ticks.count)
    let millions = Scale(highest: 4_100_000, from: 100, to: 0)
    #expect(millions.ticks.map(millions.label).last == "5 M")
  }

  /// Numbers come from files: whatever they are, there is an axis of a few ticks, and every mark stands on it.
  @Test(arguments: [
    (0, 0), (Double.nan, Double.nan), (-Double.infinity, Double.infinity), (1e300, 1e308), (-1e308, -1e300), (5, 5),
    (1e-300, 2e-300),
    (3, -3),
  ])
  func anyNumbersGiveAnAxis(low: Double, high: Double) {
    for includesZero in [true, false] {
      let scale = Scale(lowest: low, highest: high, includesZero: includesZero, from: 100, to: 0)
      #expect((2...12).contains(scale.ticks.count) && scale.ticks.allSatisfy(\.isFinite))
      for value in [low, high, 0, .nan, 1e308] { #expect((0...100).contains(scale.y(value)), "\(value)") }
    }
    let range = low <= high && low.isFinite && high.isFinite ? low...high : 0...1
    #expect((1...8).contains(Scale.ticks(in: range).count))
  }

  @Test func ticksInsideARange() {
    #expect(Scale.ticks(in: 10...380).map(\.text) == ["100", "200", "300"])
    #expect(Scale.ticks(in: 7...7).map(\.text) == ["7"])
  }
}
