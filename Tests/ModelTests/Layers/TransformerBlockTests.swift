import Model
import Tensors
import TestSupport
import Testing

@Suite struct TransformerBlockTests {
  private let batch = LayerFixture.batch([4, 1, 6])
  private let workspace = Workspace(chunkBytes: 1 << 16)

  @Test(arguments: [false, true], [BlockForm.prenorm, .gated]) func gradients(_ causal: Bool, _ form: BlockForm) {
    let arena = LayerFixture.arena(TransformerBlock.specs(2, width: 6, form: form))
    let block = TransformerBlock(2, heads: 3, in: arena)
    let mode = LayerFixture.training(causal: causal)
    let (z, dZ) = (GuardedMatrix.random(11, 6, seed: 1), GuardedMatrix.filled(11, 6))
    let weights = GuardedMatrix.random(11, 6, seed: 2)
    LayerFixture.expectGradients(
      "transformer block, \(form), causal \(causal)", arena, inputs: [.init("z", z, gradient: dZ, adds: false)],
      loss: {
        workspace.scope {
          block.forward(z, batch: batch, mode: mode, workspace: workspace).output.weightedSum(weights)
        }
      },
      backward: {
        let saved = block.forward(z, batch: batch, mode: mode, workspace: workspace)
        dZ.base.update(from: weights.base, count: weights.count)
        LayerFixture.backward(block, dZ, saved, batch, mode, workspace)
      })
  }

  @Test func gradientsWithATimeBias() {
    let arena = LayerFixture.arena(TransformerBlock.specs(2, width: 6, timeHeads: 3))
    let block = TransformerBlock(2, heads: 3, in: arena)
    let (mode, batch) = (
      LayerFixture.training(causal: true), LayerFixture.timedBatch([4, 1, 6], .request, workspace: workspace)
    )
    let (z, dZ) = (GuardedMatrix.random(11, 6, seed: 1), GuardedMatrix.filled(11, 6))
    let weights = GuardedMatrix.random(11, 6, seed: 2)
    LayerFixture.expectGradients(
      "transformer block with time", arena, inputs: [.init("z", z, gradient: dZ, adds: false)],
      loss: {
        workspace.scope {
          block.forward(z, batch: batch, mode: mode, workspace: workspace).output.weightedSum(weights)
        }
      },
      backward: {
        let saved = block.forward(z, batch: batch, mode: mode, workspace: workspace)
        dZ.base.update(from: weights.base, count: weights.count)
        LayerFixture.backward(block, dZ, saved, batch, mode, workspace)
      })
  }

  private func output(_ mode: ForwardMode) -> [Float] {
    let block = TransformerBlock(0, heads: 3, in: LayerFixture.arena(TransformerBlock.specs(0, width: 6)))
    let z = GuardedMatrix.random(11, 6, seed: 1)
    return block.forward(z, batch: batch, mode: mode, workspace: workspace).output.values
  }

  @Test func dropoutBelongsToTheStep() {
    let first = output(ForwardMode(seed: 1, step: 1, dropout: 0.5, causal: true))
    #expect(first == output(ForwardMode(seed: 1, step: 1, dropout: 0.5, causal: true)))
    #expect(first != output(ForwardMode(seed: 1, step: 2, dropout: 0.5, causal: true)))
    #expect(first != output(ForwardMode(seed: 2, step: 1, dropout: 0.5, causal: true)))
    #expect(output(.inference(causal: true)) == output(ForwardMode(seed: 9, step: 9, dropout: 0, causal: true)))
    #expect(output(.inference(causal: true)) != output(.inference(causal: false)))
  }

  @Test func theTwoHalvesDropDifferentElements() {
    // With zero weights a half is its second bias alone: what is added shows the two masks.
    let arena = LayerFixture.freshArena(TransformerBlock.specs(0, width: 64), seed: 1)
    for parameter in arena.parameters { parameter.value.clear() }
    let block = TransformerBlock(0, heads: 1, in: arena)
    func dropped(_ bias: String) -> [Bool] {
      arena["blocks.0.out.bias"].value.clear()
      arena["blocks.0.down.bias"].value.clear()
      arena[bias].vector.base.update(repeating: 1, count: 64)
      let z = GuardedMatrix.filled(11, 64, with: 0)
      let saved = block.forward(z, batch: batch, mode: LayerFixture.training(causal: true), workspace: workspace)
      return saved.output.values.map { $0 == 0 }
    }
    let (attention, ffn) = (dropped("blocks.0.out.bias"), dropped("blocks.0.down.bias"))
    for mask in [attention, ffn] { #expect(abs(mask.count { $0 } - 211) < 80) }  // 0.3 of 704
    #expect(zip(attention, ffn).count { $0 != $1 } > 200)
  }
}
