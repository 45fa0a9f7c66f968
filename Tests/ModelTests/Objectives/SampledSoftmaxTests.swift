import Foundation
import Model
import Tensors
import TestSupport
import Testing

@Suite struct SampledSoftmaxTests {
  private let workspace = Workspace(chunkBytes: 1 << 18)

  /// T queries over U items, N negatives that repeat targets' items.
  private struct World {
    let hidden: Matrix
    let e: Matrix
    let query: SampledSoftmax.Query
    let negatives: SampledSoftmax.Negatives

    init(queries: Int, items: Int, negatives count: Int, width: Int, logQ: Bool) {
      hidden = GuardedMatrix.random(queries, width, seed: 1)
      e = GuardedMatrix.random(items, width, seed: 2)
      let targets = RandomValues.integers(queries, below: items, seed: 3)
      let negativeRows = Array(
        (0..<items).sorted { RandomValues.bits(seed: 4, $0) < RandomValues.bits(seed: 4, $1) }.prefix(count))
      query = .init(hidden: hidden, targetRows: .kept(targets), targets: .kept(targets.map { 100 + 7 * $0 }))
      let chances = Vector.guarded(RandomValues.floats(count, seed: 5, scale: 2, center: -3))
      negatives = .init(
        rows: .kept(negativeRows), ids: .kept(negativeRows.map { 100 + 7 * $0 }),
        logQ: logQ ? UnsafePointer(chances.base) : nil)
    }

    /// Σ_p loss by the formula, in double precision.
    func plainLoss(scale: Double) -> Double {
      func score(_ query: Int, _ row: Int32) -> Double {
        scale * (0..<e.columns).reduce(0) { $0 + Double(hidden[query, $1]) * Double(e[Int(row), $1]) }
      }
      return (0..<hidden.rows).reduce(0) { total, p in
        let own = score(p, query.targetRows[p])
        let rest = negatives.rows.indices.filter { negatives.ids[$0] != query.targets[p] }.reduce(0.0) { sum, j in
          sum + exp(score(p, negatives.rows[j]) - Double(negatives.logQ?[j] ?? 0))
        }
        return total - own + log(exp(own) + rest)
      }
    }
  }

  @Test(arguments: [(5, 9, 4), (1, 3, 1), (300, 11, 7), (70, 40, 33)], [false, true])
  func lossAndGradients(_ extents: (queries: Int, items: Int, negatives: Int), _ logQ: Bool) {
    let world = World(
      queries: extents.queries, items: extents.items, negatives: extents.negatives, width: 5, logQ: logQ)
    let layer = SampledSoftmax(logitScale: 0.7)
    let dHidden = GuardedMatrix.filled(world.hidden.rows, 5)
    let dE = GuardedMatrix.filled(world.e.rows, 5)
    let weight = 1 / Float(extents.queries)
    func run(_ dHidden: Matrix, _ dE: Matrix) -> Double {
      layer.lossAndGradients(
        world.query, negatives: world.negatives, e: world.e, weight: weight, dHidden: dHidden, dE: dE, workspace: workspace)
    }
    let (scratchH, scratchE) = (LayerFixture.copy(world.hidden), LayerFixture.copy(world.e))
    let expected = world.plainLoss(scale: Double(Float(0.7)))
    #expect(abs(run(scratchH, scratchE) - expected) < 1e-6 * max(1, expected))
    LayerFixture.expectGradients(
      "sampled softmax, log q \(logQ)", nil,
      inputs: [.init("hidden", world.hidden, gradient: dHidden, adds: true), .init("e", world.e, gradient: dE, adds: true)],
      floor: 1e-3 * Double(weight), loss: { run(scratchH, scratchE) * Double(weight) }, backward: { _ = run(dHidden, dE) })
  }

  @Test func withoutNegativesNothingIsLearned() {
    let world = World(queries: 3, items: 4, negatives: 0, width: 5, logQ: false)
    let (dHidden, dE) = (GuardedMatrix.filled(3, 5, with: 1), GuardedMatrix.filled(4, 5, with: 1))
    let loss = SampledSoftmax(logitScale: 1).lossAndGradients(
      world.query, negatives: .none, e: world.e, weight: 1, dHidden: dHidden, dE: dE,
      workspace: workspace)
    #expect(loss == 0)
    #expect((dHidden.values + dE.values).allSatisfy { $0 == 1 })
  }
}
