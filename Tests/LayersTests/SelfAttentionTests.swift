import Kernels
import Layers
import Tensors
import TestSupport
import Testing

@Suite struct SelfAttentionTests {
  private let lengths = [3, 1, 5, 2]

  @Test(arguments: [(6, 2), (5, 1), (8, 4)], [false, true])
  func gradients(_ extents: (width: Int, heads: Int), _ causal: Bool) {
    let (width, heads) = extents
    let arena = LayerFixture.arena(SelfAttention.specs("block", width: width), scale: 0.7)
    let layer = SelfAttention("block", heads: heads, in: arena)
    let batch = LayerFixture.batch(lengths)
    let (x, dX) = (GuardedMatrix.random(11, width, seed: 1), GuardedMatrix.filled(11, width))
    let weights = GuardedMatrix.random(11, width, seed: 2)
    let y = GuardedMatrix.filled(11, width)
    let workspace = Workspace(chunkBytes: 1 << 16)
    LayerFixture.expectGradients(
      "attention, \(heads) heads, causal \(causal)", arena, inputs: [.init("x", x, gradient: dX, adds: false)],
      loss: {
        workspace.scope {
          _ = layer.forward(x, batch: batch, causal: causal, into: y, workspace: workspace)
          addBias(layer.out.bias.vector, to: y)  // the block's part
          return y.weightedSum(weights)
        }
      },
      backward: {
        let saved = layer.forward(x, batch: batch, causal: causal, into: y, workspace: workspace)
        layer.backward(x: x, saved: saved, batch: batch, causal: causal, dY: weights, dX: dX, workspace: workspace)
      })
  }

  @Test(arguments: [false, true]) func sequencesDoNotSeeEachOther(_ causal: Bool) {
    let arena = LayerFixture.arena(SelfAttention.specs("block", width: 6))
    let layer = SelfAttention("block", heads: 2, in: arena)
    let workspace = Workspace(chunkBytes: 1 << 16)
    let x = GuardedMatrix.random(11, 6, seed: 3)
    let together = GuardedMatrix.filled(11, 6)
    _ = layer.forward(x, batch: LayerFixture.batch(lengths), causal: causal, into: together, workspace: workspace)
    var start = 0
    for length in lengths {
      let alone = GuardedMatrix.filled(length, 6)
      let rows = start..<start + length
      _ = layer.forward(x.rows(rows), batch: LayerFixture.batch([length]), causal: causal, into: alone, workspace: workspace)
      #expect(relativeError(alone.values, together.rows(rows).values) < 1e-6)
      start += length
    }
  }
}
