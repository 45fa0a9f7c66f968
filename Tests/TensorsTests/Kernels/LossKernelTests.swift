import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct LossKernelTests {
  /// One row's loss, its gradient by the logits, and by the positive.
  private func softmaxTwin(
    _ logits: [Float], _ positive: Float, target: Int32, ids: [Int32], correction: [Float]?
  ) -> (loss: Double, logits: [Double], positive: Double) {
    let corrected = logits.indices.map { Double(logits[$0]) - Double(correction?[$0] ?? 0) }
    let top = max(Double(positive), corrected.max() ?? -.infinity)
    let parts = logits.indices.map { ids[$0] == target ? 0 : exp(corrected[$0] - top) }
    let own = exp(Double(positive) - top)
    let sum = parts.reduce(own, +)
    return (log(sum) + top - Double(positive), parts.map { $0 / sum }, own / sum - 1)
  }

  /// The kernel, after which `logits` are their gradients: exponentials times factors.
  private func softmaxGradient(
    logits: Matrix, positive: Vector, targets: RowList, negativeIds: RowList, correction: UnsafePointer<Float>?, weight: Float
  ) -> Double {
    let factors = Vector.guarded([Float](repeating: .nan, count: logits.rows))
    let loss = sampledSoftmaxBlock(
      logits: logits, positive: positive, targets: targets, negativeIds: negativeIds, correction: correction, weight: weight,
      exponentials: StoredRows(logits), factors: factors)
    scaleRows(logits, factors: factors, into: StoredRows(logits))
    #expect(GuardedMatrix.isIntact(Matrix(factors.base, rows: 1, columns: factors.count)))
    return loss
  }

  @Test(arguments: [(1, 1), (3, 7), (5, 16), (2, 33), (7, 257)], [false, true])
  func sampledSoftmax(_ extents: (rows: Int, negatives: Int), _ corrected: Bool) throws {
    let (rows, negatives) = extents
    let logits = GuardedMatrix.random(rows, negatives, seed: 1, scale: 4)
    let positive = Vector.guarded(RandomValues.floats(rows, seed: 2, scale: 4))
    let ids = RowList.kept((0..<negatives).map { 3 * $0 })
    let targets = RowList.kept(RandomValues.integers(rows, below: 3 * negatives, seed: 3).enumerated().map { $0 == 0 ? 0 : $1 })
    let correction = corrected ? Vector.guarded(RandomValues.floats(negatives, seed: 4, scale: 3, center: -4)) : nil
    var (loss, expected, expectedPositive) = (0.0, [Float](), [Float]())
    for row in 0..<rows {
      let twin = softmaxTwin(
        logits.rows(row..<row + 1).values, positive[row], target: targets[row], ids: Array(ids), correction: correction?.values)
      loss += twin.loss
      expected += twin.logits.map { Float($0 * 0.25) }
      expectedPositive.append(Float(twin.positive * 0.25))
    }
    let actual = softmaxGradient(
      logits: logits, positive: positive, targets: targets, negativeIds: ids,
      correction: correction.map { UnsafePointer($0.base) }, weight: 0.25)
    #expect(abs(actual - loss) < 2e-6 * max(1, loss))
    #expect(relativeError(logits.values, expected) < 2e-6 && relativeError(positive.values, expectedPositive) < 2e-6)
    #expect(logits[0, 0] == 0, "row 0's target is the first negative")
    #expect(GuardedMatrix.isIntact(logits))
  }

  @Test func nothingIsLeftWhenEveryNegativeIsTheTarget() {
    let logits = GuardedMatrix.random(2, 3, seed: 5, scale: 50)
    let positive = Vector.guarded([-60, 60])
    let loss = softmaxGradient(
      logits: logits, positive: positive, targets: .kept([8, 8]), negativeIds: .kept([8, 8, 8]), correction: nil, weight: 1)
    #expect(loss == 0)
    #expect(logits.values.allSatisfy { $0 == 0 } && positive.values.allSatisfy { $0 == 0 })
  }

  @Test(arguments: [true, false]) func withoutNegativesThereIsNothingToLearn(_ hasMemory: Bool) {
    let positive = Vector.guarded([2, -3])
    let ids = hasMemory ? RowList(start: RowList.kept([1]).baseAddress, count: 0) : RowList(start: nil, count: 0)
    let none = GuardedMatrix.filled(2, 0)
    let loss = softmaxGradient(
      logits: none, positive: positive, targets: .kept([1, 2]), negativeIds: ids, correction: nil, weight: 1)
    let gradient = positive.values
    #expect(loss == 0 && gradient.allSatisfy { $0 == 0 })
  }

  @Test func farApartLogitsNeitherOverflowNorVanish() {
    for (own, other) in [(Float(1e4), Float(-1e4)), (-1e4, 1e4), (200, 200), (-3e4, -3e4)] {
      let logits = GuardedMatrix.make([other], rows: 1, columns: 1)
      let positive = Vector.guarded([own])
      let loss = softmaxGradient(
        logits: logits, positive: positive, targets: .kept([1]), negativeIds: .kept([2]), correction: nil, weight: 1)
      let expected = own == other ? log(2) : max(0, Double(other) - Double(own))
      #expect(abs(loss - expected) <= 1e-6 * max(1, expected), "\(own) against \(other): \(loss)")
      #expect(abs(logits[0, 0] + positive[0]) < 1e-6 && logits[0, 0] >= 0 && logits[0, 0] <= 1)
    }
  }

  @Test func aBrokenLogitBreaksTheLoss() {
    for bad in [Float.nan, .infinity] {
      let logits = GuardedMatrix.make([1, bad, 2], rows: 1, columns: 3)
      let loss = softmaxGradient(
        logits: logits, positive: .guarded([0]), targets: .kept([9]), negativeIds: .kept([1, 2, 3]), correction: nil, weight: 1)
      #expect(!loss.isFinite)
    }
  }

  @Test(arguments: [(1, 1), (2, 5), (6, 17), (3, 130)], [Float(1), 40])
  func crossUserBPR(_ extents: (rows: Int, users: Int), _ scale: Float) {
    let (rows, users) = extents
    let scores = GuardedMatrix.random(rows, users, seed: 6, scale: scale)
    let targets = RandomValues.integers(users, below: 4, seed: 7)  // many equal ones
    let own = (0..<rows).map { ($0 * 3 + users / 2) % users }
    var (loss, expected) = (0.0, [Double](repeating: 0, count: rows * users))
    for row in 0..<rows {
      for user in 0..<users where targets[user] != targets[own[row]] {
        let difference = Double(scores[row, own[row]]) - Double(scores[row, user])
        loss += log1p(exp(-abs(difference))) + max(0, -difference)
        let slope = 0.5 / (1 + exp(difference))
        expected[row * users + user] += slope
        expected[row * users + own[row]] -= slope
      }
    }
    let actual = crossUserBPRBlock(
      scores: scores, rowTargets: .kept(own.map { targets[$0] }), userTargets: .kept(targets), own: .kept(own), weight: 0.5)
    #expect(abs(actual - loss) < 2e-6 * max(1, loss))
    #expect(relativeError(scores.values, expected.map(Float.init)) < 2e-6)
    #expect(GuardedMatrix.isIntact(scores))
  }

  @Test func equalTargetsAreNoPairs() {
    let scores = GuardedMatrix.random(3, 3, seed: 8)
    let loss = crossUserBPRBlock(
      scores: scores, rowTargets: .kept([5, 5, 5]), userTargets: .kept([5, 5, 5]), own: .kept([0, 1, 2]), weight: 1)
    #expect(loss == 0 && scores.values.allSatisfy { $0 == 0 })
  }
}
