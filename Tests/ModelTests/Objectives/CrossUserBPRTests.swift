import Foundation
import Model
import Tensors
import TestSupport
import Testing

@Suite struct CrossUserBPRTests {
  private let workspace = Workspace(chunkBytes: 1 << 18)
  private let layer = CrossUserBPR(logitScale: 0.8)

  /// B users, each with a target among U items; several share theirs.
  private struct World {
    let users: Matrix
    let e: Matrix
    let targets: [Int]

    init(users count: Int, items: Int) {
      users = GuardedMatrix.random(count, 5, seed: 1)
      e = GuardedMatrix.random(items, 5, seed: 2)
      targets = RandomValues.integers(count, below: items, seed: 3)
    }

    func plainLoss(own: Range<Int>) -> Double {
      func score(_ user: Int, _ item: Int) -> Double {
        0.8 * (0..<5).reduce(0) { $0 + Double(users[user, $1]) * Double(e[item, $1]) }
      }
      return own.reduce(0) { sum, user in
        sum
          + (0..<users.rows).filter { targets[$0] != targets[user] }.reduce(0.0) { inner, other in
            inner + log1p(exp(score(other, targets[user]) - score(user, targets[user])))
          }
      }
    }
  }

  private func run(_ world: World, own: Range<Int>, weight: Float, _ dUsers: Matrix, _ dE: Matrix) -> Double {
    layer.lossAndGradients(
      .init(
        users: world.users, targets: .kept(world.targets.map { 10 * $0 }), own: own,
        ownTargetRows: .kept(Array(world.targets[own]))),
      e: world.e, weight: weight, dUsers: dUsers, dE: dE, workspace: workspace)
  }

  @Test(arguments: [(2, 2, 0..<2), (9, 4, 2..<7), (70, 6, 3..<69), (5, 1, 0..<5), (1, 1, 0..<1)])
  func lossAndGradients(_ count: Int, _ items: Int, _ own: Range<Int>) {
    let world = World(users: count, items: items)
    let weight = 1 / Float(own.count * count)
    let (dUsers, dE) = (GuardedMatrix.filled(count, 5), GuardedMatrix.filled(items, 5))
    let (scratchUsers, scratchE) = (LayerFixture.copy(world.users), LayerFixture.copy(world.e))
    let expected = world.plainLoss(own: own)
    #expect(abs(run(world, own: own, weight: weight, scratchUsers, scratchE) - expected) < 1e-6 * max(1, expected))
    LayerFixture.expectGradients(
      "cross-user BPR of \(count)", nil,
      inputs: [.init("users", world.users, gradient: dUsers, adds: true), .init("e", world.e, gradient: dE, adds: true)],
      loss: { run(world, own: own, weight: weight, scratchUsers, scratchE) * Double(weight) },
      backward: { _ = run(world, own: own, weight: weight, dUsers, dE) })
  }

  @Test func slicesAddUpToTheWhole() {
    let world = World(users: 70, items: 6)
    func total(_ slices: [Range<Int>]) -> (loss: Double, dUsers: [Float], dE: [Float]) {
      let (dUsers, dE) = (GuardedMatrix.filled(70, 5, with: 0), GuardedMatrix.filled(6, 5, with: 0))
      let loss = slices.reduce(0) { $0 + run(world, own: $1, weight: 0.01, dUsers, dE) }
      return (loss, dUsers.values, dE.values)
    }
    let (whole, sliced) = (total([0..<70]), total([0..<20, 20..<20, 20..<21, 21..<70]))
    #expect(abs(whole.loss - sliced.loss) < 1e-6 * whole.loss)
    #expect(relativeError(sliced.dUsers, whole.dUsers) < 1e-6 && relativeError(sliced.dE, whole.dE) < 1e-6)
  }

  @Test func pairsAreOrderedAndOfDifferentTargets() {
    for targets in [[], [1], [1, 1], [1, 2], [3, 1, 3, 2, 3], RandomValues.integers(41, below: 7, seed: 9)] {
      let expected = targets.indices.reduce(0) { sum, u in sum + targets.count { $0 != targets[u] } }
      #expect(CrossUserBPR.pairs(targets: .kept(targets), workspace: Workspace(chunkBytes: 1 << 12)) == expected)
    }
  }
}
