import Host
import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct FeedForwardTests {
  @Test(arguments: [(1, 3), (7, 5)], [BlockForm.prenorm, .gated]) func gradients(_ extents: (Int, Int), _ form: BlockForm) {
    let (rows, width) = extents
    let arena = LayerFixture.arena(FeedForward.specs("block", width: width, form))
    let layer = FeedForward("block", in: arena)
    #expect(layer.hidden == (form == .gated ? 8 : 4) * width)
    #expect(arena["block.up.weight"].shape == [width, layer.hidden] && arena["block.down.weight"].shape == [4 * width, width])
    let (x, dX) = (GuardedMatrix.random(rows, width, seed: 1), GuardedMatrix.filled(rows, width))
    let weights = GuardedMatrix.random(rows, width, seed: 2)
    let y = GuardedMatrix.filled(rows, width)
    let workspace = Workspace(chunkBytes: 1 << 14)
    LayerFixture.expectGradients(
      "feed-forward, \(form)", arena, inputs: [.init("x", x, gradient: dX, adds: false)],
      loss: {
        workspace.scope {
          forward(layer, x, workspace.rows(rows, layer.hidden, .fp32), y, workspace)
          addBias(layer.down.bias.vector, to: y)  // the block's part
          return y.weightedSum(weights)
        }
      },
      backward: {
        let before = workspace.rows(rows, layer.hidden, .fp32)
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
