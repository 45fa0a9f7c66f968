import TestSupport
import Testing

@Suite struct RandomValuesTests {
  @Test func fillTheirRangeAndDependOnTheSeed() {
    let values = RandomValues.floats(10_000, seed: 5, scale: 2, center: 1)
    #expect(values.allSatisfy { $0 >= -1 && $0 < 3 })
    #expect(abs(values.reduce(0, +) / 10_000 - 1) < 0.05)
    #expect(values.max()! > 2.99 && values.min()! < -0.99)
    #expect(values == RandomValues.floats(10_000, seed: 5, scale: 2, center: 1))
    #expect(values != RandomValues.floats(10_000, seed: 6, scale: 2, center: 1))
  }

  @Test func integersReachEveryValue() {
    #expect(Set(RandomValues.integers(200, below: 7, seed: 1)) == Set(0..<7))
  }
}
