import TestSupport
import Testing

@Suite struct RelativeErrorTests {
  @Test func isNormWise() {
    #expect(abs(relativeError([3, 4.5], [3, 4]) - 0.1) < 1e-12)
    #expect(relativeError([3, 4], [3, 4]) == 0)
    #expect(relativeError([Float](), [Float]()) == 0)
  }

  @Test func aZeroTargetIsHeldAgainstTheScale() {
    #expect(relativeError([0.5, 0], [0, 1e-16]) == 0.5)
    #expect(abs(relativeError([0.5, 0], [0, 0], zeroScale: 10) - 0.05) < 1e-12)
  }

  @Test(arguments: [Float.nan, .infinity]) func whatIsNotFiniteIsInfinitelyWrong(value: Float) {
    #expect(relativeError([value], [1]) == .infinity)
    #expect(relativeError([1], [value]) == .infinity)
  }
}
