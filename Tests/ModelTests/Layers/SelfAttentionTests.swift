import Host
import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct SelfAttentionTests {
  private let lengths = [3, 1, 5, 2]

  private func forward(
    _ layer: SelfAttention, _ x: Matrix, _ batch: PackedBatch, _ causal: Bool, _ y: Matrix, _ workspace: Workspace
  ) -> SelfAttention.Saved {
    let saved = layer.makeSaved(positions: x.rows, width: x.columns, .fp32, workspace: workspace)
    layer.forward(
      StoredRows(x), sequences: batch.all, causal: causal, layer.factors(.fp32, workspace: workspace), saved: saved, into: y,
      workspace: workspace)
    return saved
  }

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
          _ = forward(layer, x, batch, causal, y, workspace)
          addBias(layer.out.bias.vector, to: y)  // the block's part
          return y.weightedSum(weights)
        }
      },
      backward: {
        let saved = forward(layer, x, batch, causal, y, workspace)
        layer.backward(
          x: StoredRows(x), saved: saved, sequences: batch.all, causal: causal, dY: StoredRows(weights),
          layer.transposedFactors(.fp32, workspace: workspace), dX: dX, workspace: workspace)
      })
  }

  @Test(arguments: [TimeAnchor.gaps, .request], [false, true])
  func gradientsWithATimeBias(_ anchor: TimeAnchor, _ causal: Bool) {
    let (width, heads) = (6, 2)
    let arena = LayerFixture.arena(SelfAttention.specs("block", width: width, timeHeads: heads), scale: 0.7)
    let layer = SelfAttention("block", heads: heads, in: arena)
    let workspace = Workspace(chunkBytes: 1 << 16)
    // The second run of sequences begins in the middle of the batch.
    let batch = LayerFixture.timedBatch([9] + lengths, anchor, workspace: workspace)
    let sequences = PackedBatch.Sequences(batch: batch, users: 1..<5)
    let (x, dX) = (GuardedMatrix.random(11, width, seed: 1), GuardedMatrix.filled(11, width))
    let weights = GuardedMatrix.random(11, width, seed: 2)
    let y = GuardedMatrix.filled(11, width)
    func forward() -> SelfAttention.Saved {
      let saved = layer.makeSaved(positions: 11, width: width, .fp32, workspace: workspace)
      layer.forward(
        StoredRows(x), sequences: sequences, causal: causal, layer.factors(.fp32, workspace: workspace), saved: saved, into: y,
        workspace: workspace)
      addBias(layer.out.bias.vector, to: y)  // the block's part
      return saved
    }
    LayerFixture.expectGradients(
      "attention with time, \(anchor), causal \(causal)", arena, inputs: [.init("x", x, gradient: dX, adds: false)],
      loss: {
        workspace.scope {
          _ = forward()
          return y.weightedSum(weights)
        }
      },
      backward: {
        layer.backward(
          x: StoredRows(x), saved: forward(), sequences: sequences, causal: causal, dY: StoredRows(weights),
          layer.transposedFactors(.fp32, workspace: workspace), dX: dX, workspace: workspace)
      })
    // What the check visits at random is mostly zero: buckets that are met have a gradient.
    #expect(arena["block.time"].gradientVector.values.count { abs($0 - 0.25) > 1e-4 } > 5)
  }

  @Test(arguments: [false, true]) func sequencesDoNotSeeEachOther(_ causal: Bool) {
    let arena = LayerFixture.arena(SelfAttention.specs("block", width: 6))
    let layer = SelfAttention("block", heads: 2, in: arena)
    let workspace = Workspace(chunkBytes: 1 << 16)
    let x = GuardedMatrix.random(11, 6, seed: 3)
    let together = GuardedMatrix.filled(11, 6)
    _ = forward(layer, x, LayerFixture.batch(lengths), causal, together, workspace)
    var start = 0
    for length in lengths {
      let alone = GuardedMatrix.filled(length, 6)
      let rows = start..<start + length
      _ = forward(layer, x.rows(rows), LayerFixture.batch([length]), causal, alone, workspace)
      #expect(relativeError(alone.values, together.rows(rows).values) < 1e-6)
      start += length
    }
  }
}
