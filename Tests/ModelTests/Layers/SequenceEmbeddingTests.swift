import Model
import Tensors
import TestSupport
import Testing

@Suite struct SequenceEmbeddingTests {
  private let batch = LayerFixture.batch([3, 1, 5])
  private let workspace = Workspace(chunkBytes: 1 << 16)
  private let items = [2, 0, 2, 4, 1, 1, 3, 0, 2]
  private let scenes = [0, 1, 1, 2, 0, 0, 2, 2, 1]
  private let behaviors = [1, 0, 0, 0, 1, 1, 0, 1, 0]

  private func layer(scenes: Int?, behaviors: Int?, width: Int = 7) -> (SequenceEmbedding, ParameterArena) {
    let arena = LayerFixture.arena(SequenceEmbedding.specs(length: 6, width: width, scenes: scenes, behaviors: behaviors))
    return (SequenceEmbedding(in: arena), arena)
  }

  private func input(scenes: Bool, behaviors: Bool) -> SequenceEmbedding.Input {
    .init(items: .kept(items), scenes: scenes ? .kept(self.scenes) : nil, behaviors: behaviors ? .kept(self.behaviors) : nil)
  }

  @Test(arguments: [(false, false), (true, false), (false, true), (true, true)])
  func gradients(_ hasScenes: Bool, _ hasBehaviors: Bool) {
    let (layer, arena) = layer(scenes: hasScenes ? 3 : nil, behaviors: hasBehaviors ? 2 : nil)
    let input = input(scenes: hasScenes, behaviors: hasBehaviors)
    let mode = LayerFixture.training(causal: true)
    let (e, dE) = (GuardedMatrix.random(5, 7, seed: 1), GuardedMatrix.filled(5, 7))
    let weights = GuardedMatrix.random(9, 7, seed: 2)
    let z = GuardedMatrix.filled(9, 7)
    LayerFixture.expectGradients(
      "sequence embedding", arena, inputs: [.init("e", e, gradient: dE, adds: true)],
      loss: {
        layer.forward(e, input: input, batch: batch, mode: mode, into: z, workspace: workspace)
        return z.weightedSum(weights)
      },
      backward: { layer.backward(weights, input: input, batch: batch, mode: mode, dE: dE, workspace: workspace) })
  }

  @Test func positionsCountBackFromTheNewest() {
    let (layer, arena) = layer(scenes: 3, behaviors: 2)
    let e = GuardedMatrix.random(5, 7, seed: 3)
    let z = GuardedMatrix.filled(9, 7)
    layer.forward(
      e, input: input(scenes: true, behaviors: true), batch: batch, mode: .inference(causal: true), into: z, workspace: workspace)
    let indices = [3, 4, 5, 5, 1, 2, 3, 4, 5]  // rows of P [6, d]
    for row in 0..<9 {
      for c in 0..<7 {
        let sum =
          e[items[row], c] + arena["position"].value[indices[row], c] + arena["scene"].value[scenes[row], c]
          + arena["behavior"].value[behaviors[row], c]
        #expect(abs(z[row, c] - sum) < 1e-6)
      }
    }
  }

  @Test func tablesExistOnlyWhenSwitchedOn() {
    #expect(layer(scenes: nil, behaviors: 2).1.parameters.map(\.name) == ["position", "behavior"])
    #expect(layer(scenes: nil, behaviors: nil).1.parameters.map(\.shape) == [[6, 7]])
  }
}
