import Model
import Tensors
import TestSupport
import Testing

@Suite struct UserHeadTests {
  private let workspace = Workspace(chunkBytes: 1 << 16)

  @Test(arguments: [[3, 1, 4], [2, 0, 4, 1]], [false, true])
  func gradients(_ lengths: [Int], _ residual: Bool) {
    let arena = LayerFixture.arena(UserHead.specs(length: 4, width: 5, residual: residual))
    let head = UserHead(length: 4, residual: residual, in: arena)
    let batch = LayerFixture.batch(lengths)
    let (h, dH) = (GuardedMatrix.random(batch.positions, 5, seed: 1), GuardedMatrix.filled(batch.positions, 5))
    let weights = GuardedMatrix.random(batch.users, 5, seed: 2)
    let users = GuardedMatrix.filled(batch.users, 5)
    LayerFixture.expectGradients(
      "user head, residual \(residual)", arena, inputs: [.init("h", h, gradient: dH, adds: true)],
      loss: {
        workspace.scope {
          _ = head.forward(h, batch: batch, into: users, workspace: workspace)
          return users.weightedSum(weights)
        }
      },
      backward: {
        let saved = head.forward(h, batch: batch, into: users, workspace: workspace)
        head.backward(saved: saved, dUsers: weights, batch: batch, dH: dH, workspace: workspace)
      })
  }

  @Test func theResidualHeadStartsAtTheNewestPosition() {
    let arena = LayerFixture.freshArena(UserHead.specs(length: 4, width: 5, residual: true), seed: 1)
    let head = UserHead(length: 4, residual: true, in: arena)
    let h = GuardedMatrix.random(6, 5, seed: 3)
    let users = GuardedMatrix.filled(3, 5)
    _ = head.forward(h, batch: LayerFixture.batch([2, 0, 4]), into: users, workspace: workspace)
    #expect(users.values == h.rows(1..<2).values + [Float](repeating: 0, count: 5) + h.rows(5..<6).values)
  }

  @Test func missingPositionsAreZerosOnTheLeft() {
    let arena = LayerFixture.arena(UserHead.specs(length: 4, width: 5, residual: false))
    let head = UserHead(length: 4, residual: false, in: arena)
    let short = GuardedMatrix.random(2, 5, seed: 4)
    let full = GuardedMatrix.make([Float](repeating: 0, count: 10) + short.values, rows: 4, columns: 5)
    let (one, other) = (GuardedMatrix.filled(1, 5), GuardedMatrix.filled(1, 5))
    _ = head.forward(short, batch: LayerFixture.batch([2]), into: one, workspace: workspace)
    _ = head.forward(full, batch: LayerFixture.batch([4]), into: other, workspace: workspace)
    #expect(one.values == other.values)
  }
}
