import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct LayerNormTests {
  @Test(arguments: [(1, 3), (6, 10), (5, 33)]) func gradients(_ rows: Int, _ width: Int) {
    let arena = LayerFixture.arena(LayerNorm.specs("norm", width: width))
    let norm = LayerNorm("norm", in: arena)
    let (x, dX) = (GuardedMatrix.random(rows, width, seed: 1), GuardedMatrix.filled(rows, width))
    let weights = GuardedMatrix.random(rows, width, seed: 2)
    let y = GuardedMatrix.filled(rows, width)
    let workspace = Workspace(chunkBytes: 1 << 14)
    LayerFixture.expectGradients(
      "layer norm", arena, inputs: [.init("x", x, gradient: dX, adds: true)],
      loss: {
        workspace.scope {
          norm.forward(x, into: StoredRows(y), saved: .init(rows: rows, workspace: workspace))
          return y.weightedSum(weights)
        }
      },
      backward: {
        let saved = LayerNorm.Saved(rows: rows, workspace: workspace)
        norm.forward(x, into: StoredRows(y), saved: saved)
        norm.backward(x: x, saved: saved, dY: weights, dX: dX)
      })
  }

  @Test func atTheStartItOnlyNormalizes() {
    let arena = LayerFixture.freshArena(LayerNorm.specs("norm", width: 40), seed: 1)
    let (x, y) = (GuardedMatrix.random(3, 40, seed: 3, scale: 5), GuardedMatrix.filled(3, 40))
    let workspace = Workspace(chunkBytes: 1 << 14)
    LayerNorm("norm", in: arena).forward(x, into: StoredRows(y), saved: .init(rows: 3, workspace: workspace))
    withExtendedLifetime(workspace) {}
    for row in 0..<3 {
      let values = y.rows(row..<row + 1).values
      #expect(abs(values.reduce(0.0) { $0 + Double($1) }) < 1e-5)
      #expect(abs(norm(values) - 40.0.squareRoot()) < 1e-4)
    }
  }
}
