import Foundation
import Model
import Tensors
import TestSupport
import Testing

/// The sign of the logQ correction, held to a sampling distribution with a known skew.
///
/// Negatives are drawn with replacement from p ∝ 1 / (j + 1) and duplicates removed, so item j is among N draws with chance
/// q_j = 1 − (1 − p_j)^N, and Σ_{j drawn} exp(o_j) / q_j is an unbiased estimate of Σ_j exp(o_j) (Horvitz & Thompson 1952).
@Suite struct LogQTests {
  private let items = 30
  private let draws = 6
  private let target = 4
  private let hidden = GuardedMatrix.random(1, 3, seed: 1)
  private let e: Matrix

  init() {
    e = GuardedMatrix.random(30, 3, seed: 2, scale: 1.5)
  }

  private var probabilities: [Double] {
    let total = (0..<items).reduce(0) { $0 + 1 / Double($1 + 1) }
    return (0..<items).map { 1 / Double($0 + 1) / total }
  }

  private func score(_ item: Int) -> Double { (0..<3).reduce(0) { $0 + Double(hidden[0, $1]) * Double(e[item, $1]) } }

  /// The distinct items of one step's draws, ascending.
  private func negatives(step: Int, cumulative: [Double]) -> [Int] {
    let stream = RandomStream(seed: 7, purpose: .negatives, step: UInt32(step))
    let found = (0..<draws).map { draw in
      let uniform = Double(stream.below(1 << 40, row: UInt64(draw))) / Double(1 << 40)
      return cumulative.firstIndex { uniform < $0 } ?? items - 1
    }
    return Set(found).sorted()
  }

  /// The mean over steps of exp(loss) · exp(own score): what the loss takes for the softmax's denominator.
  private func meanDenominator(steps: Int, correction: (Double) -> Float?) -> Double {
    let workspace = Workspace(chunkBytes: 1 << 16)
    let cumulative = probabilities.reduce(into: [Double]()) { $0.append(($0.last ?? 0) + $1) }
    let logQ = probabilities.map { log(1 - pow(1 - $0, Double(draws))) }
    let query = SampledSoftmax.Query(hidden: hidden, targetRows: .kept([target]), targets: .kept([target]))
    let (dHidden, dE) = (GuardedMatrix.filled(1, 3, with: 0), GuardedMatrix.filled(items, 3, with: 0))
    let chances = UnsafeMutablePointer<Float>.allocate(capacity: draws)
    let list = UnsafeMutablePointer<Int32>.allocate(capacity: draws)
    defer {
      chances.deallocate()
      list.deallocate()
    }
    var sum = 0.0
    for step in 0..<steps {
      let drawn = negatives(step: step, cumulative: cumulative)
      var corrects = false
      for (index, item) in drawn.enumerated() {
        list[index] = Int32(item)
        guard let value = correction(logQ[item]) else { continue }
        chances[index] = value
        corrects = true
      }
      let rows = RowList(start: list, count: drawn.count)
      sum += exp(
        SampledSoftmax(logitScale: 1).lossAndGradients(
          query, negatives: .init(rows: rows, ids: rows, logQ: corrects ? UnsafePointer(chances) : nil), e: e, weight: 1,
          dHidden: dHidden, dE: dE, workspace: workspace))
    }
    return sum / Double(steps) * exp(score(target))
  }

  @Test func theCorrectedSumConvergesToTheFullOne() {
    let full = (0..<items).reduce(0) { $0 + exp(score($1)) }
    let errors = [500, 8000].map { steps in abs(meanDenominator(steps: steps) { Float($0) } / full - 1) }
    print("log q: relative error \(errors[0]) after 500 draws, \(errors[1]) after 8000")
    #expect(errors[1] < 0.02)
    let wrongSign = meanDenominator(steps: 2000) { Float(-$0) } / full
    let none = meanDenominator(steps: 2000) { _ in nil } / full
    print("log q: \(wrongSign) of the sum with the wrong sign, \(none) without a correction")
    #expect(wrongSign < 0.5 && none < 0.7)
  }
}
