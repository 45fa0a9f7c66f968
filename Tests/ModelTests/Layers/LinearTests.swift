import Host
import Tensors
import TestSupport
import Testing

@testable import Model

@Suite struct LinearTests {
  private let workspace = Workspace(chunkBytes: 1 << 14)

  private func forward(_ linear: Linear, _ x: Matrix, into y: Matrix) {
    workspace.scope { multiply(x, linear.factor(.fp32, workspace: workspace), into: y) }
    addBias(linear.bias.vector, to: y)
  }

  @Test(arguments: [(1, 1, 1), (5, 7, 3), (9, 2, 17)]) func gradients(_ rows: Int, _ inputs: Int, _ outputs: Int) {
    let arena = LayerFixture.arena(Linear.specs("map", inputs: inputs, outputs: outputs))
    let linear = Linear("map", in: arena)
    let (x, dX) = (GuardedMatrix.random(rows, inputs, seed: 1), GuardedMatrix.filled(rows, inputs))
    let weights = GuardedMatrix.random(rows, outputs, seed: 2)
    let y = GuardedMatrix.filled(rows, outputs)
    LayerFixture.expectGradients(
      "linear", arena, inputs: [.init("x", x, gradient: dX, adds: false)],
      loss: {
        forward(linear, x, into: y)
        return y.weightedSum(weights)
      },
      backward: {
        linear.addGradients(x: StoredRows(x), dY: StoredRows(weights), workspace: workspace)
        multiply(weights, linear.transposedFactor(.fp32, workspace: workspace), into: dX)
      })
  }

  @Test func theMapIsXTimesWPlusB() {
    let arena = LayerFixture.arena(Linear.specs("map", inputs: 3, outputs: 2))
    let linear = Linear("map", in: arena)
    let (x, y) = (GuardedMatrix.random(4, 3, seed: 3), GuardedMatrix.filled(4, 2))
    forward(linear, x, into: y)
    for row in 0..<4 {
      for column in 0..<2 {
        let sum = (0..<3).reduce(Double(linear.bias.vector[column])) {
          $0 + Double(x[row, $1]) * Double(linear.weight.value[$1, column])
        }
        #expect(abs(Double(y[row, column]) - sum) < 1e-6)
      }
    }
    #expect(linear.weight.shape == [3, 2] && linear.bias.shape == [2])
  }

  @Test func startsAsDeclared() {
    let arena = LayerFixture.freshArena(
      Linear.specs("a", inputs: 3, outputs: 4) + Linear.specs("z", inputs: 3, outputs: 4, zero: true), seed: 1)
    #expect(arena["a.weight"].value.values.contains { $0 != 0 })
    #expect(["a.bias", "z.weight", "z.bias"].allSatisfy { arena[$0].value.values.allSatisfy { $0 == 0 } })
    #expect(arena.decays[arena["a.weight"].offset] == 1 && arena.decays[arena["a.bias"].offset] == 0)
  }
}
