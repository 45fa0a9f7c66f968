import Kernels
import Layers
import Tensors
import TestSupport
import Testing

@Suite struct FeedForwardTests {
  @Test(arguments: [(1, 3), (7, 5)]) func gradients(_ rows: Int, _ width: Int) {
    let arena = LayerFixture.arena(FeedForward.specs("block", width: width))
    let layer = FeedForward("block", in: arena)
    #expect(arena["block.up.weight"].shape == [width, 4 * width] && arena["block.down.weight"].shape == [4 * width, width])
    let (x, dX) = (GuardedMatrix.random(rows, width, seed: 1), GuardedMatrix.filled(rows, width))
    let weights = GuardedMatrix.random(rows, width, seed: 2)
    let y = GuardedMatrix.filled(rows, width)
    let workspace = Workspace(chunkBytes: 1 << 14)
    LayerFixture.expectGradients(
      "feed-forward", arena, inputs: [.init("x", x, gradient: dX, adds: false)],
      loss: {
        workspace.scope {
          forward(layer, x, workspace.rows(rows, 4 * width, .fp32), y, workspace)
          addBias(layer.down.bias.vector, to: y)  // the block's part
          return y.weightedSum(weights)
        }
      },
      backward: {
        let before = workspace.rows(rows, 4 * width, .fp32)
        forward(layer, x, before, y, workspace)
        layer.backward(
          x: StoredRows(x), before: before, dY: StoredRows(weights), layer.transposedFactors(.fp32, workspace: workspace),
          dX: dX, workspace: workspace)
      })
  }

  private func forward(_ layer: FeedForward, _ x: Matrix, _ before: StoredRows, _ y: Matrix, _ workspace: Workspace) {
    layer.forward(
      StoredRows(x), layer.factors(.fp32, workspace: workspace), before: before, into: y, workspace: workspace)
  }
}
