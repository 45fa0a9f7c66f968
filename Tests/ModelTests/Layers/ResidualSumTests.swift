import Host
import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct ResidualSumTests {
  private let workspace = Workspace(chunkBytes: 1 << 16)

  @Test(arguments: [(1, 3), (7, 5)]) func gradientsThroughAGate(_ rows: Int, _ width: Int) {
    let arena = LayerFixture.arena(ResidualSum.specs("gate", width: width, .gated), scale: 0.7)
    let sum = ResidualSum("gate", in: arena)
    let batch = LayerFixture.batch([rows])
    let mask = DropoutMask(stream: RandomStream(seed: 1, dropoutSite: 1, step: 2), rowKeys: batch.rowKeys, rate: 0.3)
    let (z, dZ) = (GuardedMatrix.random(rows, width, seed: 1), GuardedMatrix.filled(rows, width))
    let (x, dX) = (GuardedMatrix.random(rows, width, seed: 2), GuardedMatrix.filled(rows, width))
    let bias = Vector.guarded(RandomValues.floats(width, seed: 3))
    let weights = GuardedMatrix.random(rows, width, seed: 4)
    let out = GuardedMatrix.filled(rows, width)
    func forward() -> ResidualSum.Saved? {
      let saved = sum.makeSaved(positions: rows, width: width, .fp32, workspace: workspace)
      sum.forward(
        z, x, bias: bias, mask: mask, sum.factor(.fp32, workspace: workspace), saved: saved, into: out, workspace: workspace)
      return saved
    }
    LayerFixture.expectGradients(
      "gated sum", arena,
      inputs: [.init("z", z, gradient: dZ, adds: false), .init("x", x, gradient: dX, adds: false)],
      loss: {
        workspace.scope {
          _ = forward()
          return out.weightedSum(weights)
        }
      },
      backward: {
        let saved = forward()
        dZ.base.update(from: weights.base, count: weights.count)
        sum.backward(
          z: z, saved: saved, mask: mask, sum.transposedFactor(.fp32, workspace: workspace), dZ: dZ, dX: StoredRows(dX),
          workspace: workspace)
      })
  }

  @Test func aPlainSumHasNeitherParametersNorMemory() {
    #expect(ResidualSum.specs("gate", width: 4, .prenorm).isEmpty)
    let sum = ResidualSum("gate", in: LayerFixture.freshArena([]))
    #expect(sum.factor(.fp32, workspace: workspace) == nil && sum.transposedFactor(.fp32, workspace: workspace) == nil)
    #expect(sum.makeSaved(positions: 3, width: 4, .fp32, workspace: workspace) == nil && workspace.peak == 0)
  }

  @Test func gatesDecayAndStartHalfOpen() {
    let specs = ResidualSum.specs("blocks.0.ffn_gate", width: 8, .gated)
    #expect(specs.map(\.name) == ["blocks.0.ffn_gate.weight", "blocks.0.ffn_gate.bias"])
    #expect(specs.map(\.decays) == [true, false] && specs[1].initialization == .zeros)
  }
}
