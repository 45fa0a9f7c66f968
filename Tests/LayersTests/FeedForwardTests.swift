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
          _ = layer.forward(x, into: y, workspace: workspace)
          addBias(layer.down.bias.vector, to: y)  // the block's part
          return y.weightedSum(weights)
        }
      },
      backward: {
        let saved = layer.forward(x, into: y, workspace: workspace)
        layer.backward(x: x, saved: saved, dY: weights, dX: dX, workspace: workspace)
      })
  }
}
