import Foundation
import TestSupport
import Testing

@Suite struct FiniteDifferenceTests {
  /// Loss Σ sin(xᵢ)·(i+1)/10 in single precision, as a kernel would make it, summed in double.
  private func loss(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
    values.enumerated().reduce(0) { $0 + Double(sin($1.element) * Float($1.offset + 1) / 10) }
  }

  private func worst(of values: [Float], entries: Int? = nil, wrong: (inout [Float]) -> Void = { _ in }) -> Double {
    var values = values
    var gradient = values.enumerated().map { cos($1) * Float($0 + 1) / 10 }
    wrong(&gradient)
    let before = values
    let worst = values.withUnsafeMutableBufferPointer { buffer in
      FiniteDifference.check(values: buffer, gradient: gradient, entries: entries) { loss(buffer) }
    }
    #expect(values == before)
    return worst
  }

  @Test func acceptsTheRightGradient() {
    #expect(worst(of: RandomValues.floats(40, seed: 1)) < 1e-3)
    #expect(worst(of: RandomValues.floats(40, seed: 2), entries: 7) < 1e-3)
    #expect(worst(of: [0.5]) < 1e-3)
    #expect(worst(of: []) == 0)
  }

  @Test func seesAFactorASignAndOneWrongEntry() {
    let values = RandomValues.floats(40, seed: 3)
    #expect(worst(of: values) { $0 = $0.map { $0 * 1.05 } } > 0.04)
    #expect(worst(of: values) { $0 = $0.map { -$0 } } > 1)
    #expect(worst(of: values) { $0[17] += 1 } > 0.4)
  }

  @Test func notANumberIsInfinitelyWrong() {
    #expect(worst(of: [0.1, 0.2]) { $0[1] = .nan } == .infinity)
  }

  @Test func aZeroGradientMayBeRoundingNoise() {
    var values: [Float] = [1, 2]
    let worst = values.withUnsafeMutableBufferPointer { buffer in
      FiniteDifference.check(values: buffer, gradient: [1e-7, -1e-7]) { 3 }
    }
    #expect(worst < 1e-3)
  }
}
