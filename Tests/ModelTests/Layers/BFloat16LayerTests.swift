import Host
import Model
import Tensors
import TestSupport
import Testing

/// Layers whose products round their factors stay as near to float32 as 2⁻⁹ a rounding allows.
@Suite struct BFloat16LayerTests {
  private let workspace = Workspace(chunkBytes: 1 << 20)
  private static let skipped = "skipped: this machine has no bfloat16 products"

  /// Everything that a block's passes give, in one list a tensor.
  private func blockPass(_ precision: NumberFormat, causal: Bool, _ form: BlockForm) -> [(name: String, values: [Float])] {
    let arena = LayerFixture.arena(TransformerBlock.specs(0, width: 32, form: form), scale: 0.2)
    let block = TransformerBlock(0, heads: 2, in: arena)
    let batch = LayerFixture.batch([40, 1, 250, 9, 30])
    let mode = ForwardMode(seed: 3, step: 5, dropout: 0.3, causal: causal, precision: precision)
    let z = GuardedMatrix.random(batch.positions, 32, seed: 1)
    let saved = block.forward(z, batch: batch, mode: mode, workspace: workspace)
    let output = saved.output.values
    let dZ = GuardedMatrix.random(batch.positions, 32, seed: 2)
    LayerFixture.backward(block, dZ, saved, batch, mode, workspace)
    return [("output", output), ("dZ", dZ.values)] + arena.parameters.map { ($0.name, $0.gradientVector.values) }
  }

  @Test(arguments: [false, true], [BlockForm.prenorm, .gated]) func transformerBlocks(_ causal: Bool, _ form: BlockForm) {
    guard Engine.supports(.bf16) else { return print(Self.skipped) }
    for (half, whole) in zip(blockPass(.bf16, causal: causal, form), blockPass(.fp32, causal: causal, form)) {
      let difference = norm(zip(half.values, whole.values).map { $0 - $1 }) / norm(whole.values)
      // The keys' bias has no effect: its gradient is rounding noise around zero.
      let limit = half.name == "blocks.0.qkv.bias" ? 0.05 : 0.01
      #expect(difference > 0 && difference < limit, "\(half.name): \(difference)")
    }
  }

  @Test(arguments: [61, 64]) func sampledSoftmax(_ negatives: Int) {
    guard Engine.supports(.bf16) else { return print(Self.skipped) }
    func pass(_ precision: NumberFormat) -> (loss: Double, dHidden: [Float], dE: [Float]) {
      let (hidden, e) = (GuardedMatrix.random(300, 16, seed: 1), GuardedMatrix.random(90, 16, seed: 2))
      let (dHidden, dE) = (GuardedMatrix.filled(300, 16, with: 0), GuardedMatrix.filled(90, 16, with: 0))
      let targets = RandomValues.integers(300, below: 90, seed: 3)
      let loss = SampledSoftmax(logitScale: 2).lossAndGradients(
        .init(hidden: hidden, targetRows: .kept(targets), targets: .kept(targets)),
        negatives: .init(rows: .kept(Array(0..<negatives)), ids: .kept(Array(0..<negatives)), logQ: nil), e: e,
        weight: 1 / 300, precision: precision, dHidden: dHidden, dE: dE, workspace: workspace)
      return (loss, dHidden.values, dE.values)
    }
    let (half, whole) = (pass(.bf16), pass(.fp32))
    #expect(abs(half.loss - whole.loss) < 2e-3 * whole.loss && half.loss != whole.loss)
    for (half, whole) in [(half.dHidden, whole.dHidden), (half.dE, whole.dE)] {
      #expect(norm(zip(half, whole).map { $0 - $1 }) < 0.01 * norm(whole))
    }
  }

  @Test(arguments: [false, true]) func userHeads(_ residual: Bool) {
    guard Engine.supports(.bf16) else { return print(Self.skipped) }
    func pass(_ precision: NumberFormat) -> [[Float]] {
      let arena = LayerFixture.arena(UserHead.specs(length: 6, width: 16, residual: residual), scale: 0.2)
      let head = UserHead(length: 6, residual: residual, in: arena)
      let batch = LayerFixture.batch([3, 0, 6, 1])
      let (h, dH) = (GuardedMatrix.random(10, 16, seed: 1), GuardedMatrix.filled(10, 16, with: 0))
      let users = GuardedMatrix.filled(4, 16)
      let saved = head.forward(h, batch: batch, precision: precision, into: users, workspace: workspace)
      let dUsers = GuardedMatrix.random(4, 16, seed: 2)
      head.backward(saved: saved, dUsers: dUsers, batch: batch, dH: dH, workspace: workspace)
      return [users.values, dH.values] + arena.parameters.map { $0.gradientVector.values }
    }
    for (half, whole) in zip(pass(.bf16), pass(.fp32)) {
      #expect(norm(zip(half, whole).map { $0 - $1 }) < 0.02 * norm(whole))
    }
  }
}
