import Host
import Model
import Tensors
import TestSupport
import Testing

@Suite struct EmbeddingFusionTests {
  /// Items with 0 to 3 tokens, random parameters, and the fusion over them.
  private final class World {
    let shape: FusionShape
    let arena: ParameterArena
    let fusion: EmbeddingFusion
    let tokens: TokenTable
    let rows: RowList
    let weights: Matrix
    let semantic: Matrix
    let dStates: Matrix
    let workspace = Workspace(chunkBytes: 1 << 18)
    let balance: Float = 0.3

    init(
      items: Int, experts: Int, active: Int, gate: FusionShape.GateInput, element: NumberFormat = .fp32,
      counts: ((Int) -> Int)? = nil
    ) {
      shape = FusionShape(
        idWidth: 2, semanticWidth: 3, tokenWidth: 5, tokens: 3, experts: experts, active: active, gateInput: gate)
      arena = ParameterArena(EmbeddingFusion.specs(shape), seed: 1)
      for (index, parameter) in arena.parameters.enumerated() {
        let values = RandomValues.floats(parameter.count, seed: UInt64(40 + index), scale: 0.8)
        parameter.value.base.update(from: values, count: values.count)
      }
      fusion = EmbeddingFusion(shape, in: arena)
      // Two rows of the table are not asked for.
      tokens = TokenTable(counts: (0..<items + 2).map { counts?($0) ?? (5 * $0 + 3) % 4 }, width: 5, element: element)
      tokens.states.store(RandomValues.floats(tokens.states.count, seed: 50))
      rows = .kept((0..<items).map { $0 + 1 })
      weights = GuardedMatrix.random(items, 3, seed: 51)
      semantic = GuardedMatrix.filled(items, 3)
      dStates = GuardedMatrix.filled(tokens.tokenCount, 5, with: 0)
    }

    /// Σ weights · semantic + λ · balance.
    func loss() -> Double {
      workspace.scope {
        let saved = fusion.forward(rows, tokens: tokens, into: semantic, workspace: workspace)
        return semantic.weightedSum(weights) + Double(balance) * saved.routing.loss
      }
    }

    /// Leaves the states' gradients in `dStates`; returns the items that were handed on.
    @discardableResult func backward(frozen: Bool) -> [Int] {
      workspace.scope {
        let saved = fusion.forward(rows, tokens: tokens, into: semantic, workspace: workspace)
        var handed: [Int] = []
        dStates.clear()
        let write = { (item: Int) -> StatesGradient in
          handed.append(item)
          return .written(self.dStates.rows(self.tokens.tokens(of: Int(self.rows[item]))))
        }
        unobserved {
          try fusion.backward(
            saved, dSemantic: weights, tokens: tokens, balance: Balance(saved.routing, weight: balance),
            context: .plain(workspace), trainsTokens: !frozen, dStates: write)
        }
        return handed
      }
    }
  }

  @Test(arguments: [(9, 4, 2), (5, 3, 3), (6, 5, 1), (2, 1, 1), (40, 6, 2)], [FusionShape.GateInput.mean, .concat])
  func gradients(_ extents: (items: Int, experts: Int, active: Int), _ gate: FusionShape.GateInput) throws {
    let world = World(items: extents.items, experts: extents.experts, active: extents.active, gate: gate)
    #expect(world.arena["fusion.gate.weight"].shape == [gate == .mean ? 5 : 15, extents.experts])
    let states = try #require(world.tokens.states.floats)
    let errors = GradientCheck.errors(
      world.arena, inputs: [.init("states", states, gradient: world.dStates, adds: false)], loss: world.loss,
      backward: { world.backward(frozen: false) })
    for (tensor, error) in errors { #expect(error < 5e-3, "\(gate): the gradient of \(tensor) is off by \(error)") }
    if let worst = errors.max(by: { $0.value < $1.value }) { print("fusion, \(gate) gate: worst error \(worst)") }
  }

  /// The dense parameters' gradients over states in 16 bits, and the states' gradients against those over float32.
  @Test(arguments: [NumberFormat.bf16, .fp16], [FusionShape.GateInput.mean, .concat])
  func statesInSixteenBits(_ element: NumberFormat, _ gate: FusionShape.GateInput) {
    for extents in [(items: 9, experts: 4, active: 2), (40, 6, 2)] { statesInSixteenBits(element, extents, gate) }
  }

  private func statesInSixteenBits(
    _ element: NumberFormat, _ extents: (items: Int, experts: Int, active: Int), _ gate: FusionShape.GateInput
  ) {
    func world(_ element: NumberFormat) -> World {
      World(items: extents.items, experts: extents.experts, active: extents.active, gate: gate, element: element)
    }
    let (half, whole) = (world(element), world(.fp32))
    #expect(half.tokens.states.values != whole.tokens.states.values)
    whole.tokens.states.store(half.tokens.states.values)
    let (loss, expected) = (half.loss(), whole.loss())
    #expect(abs(loss - expected) < 1e-6 * abs(expected))
    #expect(relativeError(half.semantic.values, whole.semantic.values) < 1e-6)
    let errors = GradientCheck.errors(half.arena, inputs: [], loss: half.loss, backward: { half.backward(frozen: false) })
    for (tensor, error) in errors { #expect(error < 5e-3, "\(gate): the gradient of \(tensor) is off by \(error)") }
    whole.backward(frozen: false)
    #expect(relativeError(half.dStates.values, whole.dStates.values) < 1e-6)
  }

  @Test(arguments: [FusionShape.GateInput.mean, .concat]) func frozenTokensChangeNoDenseGradient(_ gate: FusionShape.GateInput) {
    let world = World(items: 40, experts: 6, active: 2, gate: gate)
    func denseGradients(frozen: Bool) -> [Float] {
      world.arena.clearGradients()
      world.backward(frozen: frozen)
      return world.arena.gradients.values
    }
    let trained = denseGradients(frozen: false)
    #expect(trained.contains { $0 != 0 })
    #expect(denseGradients(frozen: true) == trained)
    #expect(world.dStates.values.allSatisfy { $0 == 0 })
  }

  @Test func itemsWithoutTextHaveNoSemanticHalfAndNoGate() {
    let world = World(items: 9, experts: 4, active: 2, gate: .mean)
    _ = world.loss()
    let withText = (0..<9).filter { !world.tokens.tokens(of: Int(world.rows[$0])).isEmpty }
    #expect(withText.count > 3 && withText.count < 9)
    for item in 0..<9 {
      let isZero = world.semantic.rows(item..<item + 1).values.allSatisfy { $0 == 0 }
      #expect(isZero == !withText.contains(item))
    }
    #expect(world.backward(frozen: false) == withText)
    let saved = world.fusion.forward(world.rows, tokens: world.tokens, into: world.semantic, workspace: world.workspace)
    #expect(saved.routing.items == Double(withText.count))
    #expect(saved.routing.routed.reduce(0, +) == Double(2 * withText.count))
    #expect(abs(saved.routing.probability.reduce(0, +) - Double(withText.count)) < 1e-5)
  }

  @Test func aStepWithoutAnyText() {
    let world = World(items: 5, experts: 4, active: 2, gate: .concat) { _ in 0 }
    #expect(world.loss() == 0)
    #expect(world.semantic.values.allSatisfy { $0 == 0 })
    world.arena.clearGradients()
    #expect(world.backward(frozen: false).isEmpty)
    #expect(world.arena.gradients.values.allSatisfy { $0 == 0 })
    let none = World(items: 0, experts: 4, active: 2, gate: .mean)
    #expect(none.loss() == 0 && none.backward(frozen: false).isEmpty)
  }

  /// Bit for bit: owners of another number of ranks form the same embedding in other company.
  @Test(arguments: [FusionShape.GateInput.mean, .concat]) func anItemDoesNotDependOnItsCompany(_ gate: FusionShape.GateInput) {
    let world = World(items: 70, experts: 6, active: 2, gate: gate)
    _ = world.loss()
    func embed(_ items: [Int]) -> [UInt32] {
      let found = GuardedMatrix.filled(items.count, 3)
      _ = world.fusion.forward(.kept(items.map { $0 + 1 }), tokens: world.tokens, into: found, workspace: world.workspace)
      return found.values.map(\.bitPattern)
    }
    for items in [[0], [1], [31], [69], [2, 34], Array(stride(from: 1, to: 70, by: 3)), Array((3..<64).reversed())] {
      #expect(embed(items) == items.flatMap { world.semantic.rows($0..<$0 + 1).values.map(\.bitPattern) })
    }
  }

  @Test func withoutASemanticHalfThereAreNoParameters() {
    func specs(semantic: Int, token: Int) -> [ParameterSpec] {
      EmbeddingFusion.specs(
        FusionShape(idWidth: 4, semanticWidth: semantic, tokenWidth: token, tokens: 3, experts: 2, active: 1, gateInput: .mean))
    }
    #expect(specs(semantic: 0, token: 5).isEmpty && specs(semantic: 5, token: 0).isEmpty)
    #expect(specs(semantic: 5, token: 5).count == 4)
  }
}
