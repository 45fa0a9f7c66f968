import Tensors
import TestSupport
import Testing

@Suite struct ParameterArenaTests {
  private let specs = [
    ParameterSpec("table", [7, 3], .normal(deviation: 0.02), decays: false),
    ParameterSpec("norm.scale", [5], .ones, decays: false),
    ParameterSpec("weight", [5, 9], .xavierUniform, decays: true),
    ParameterSpec("bias", [9], .zeros, decays: false),
    ParameterSpec("experts", [3, 4, 5], .xavierUniform, decays: true),
  ]

  @Test func tensorsAreViewsOfTheFlatBuffers() {
    let arena = ParameterArena(specs, seed: 1)
    #expect(arena.parameters.map(\.name) == specs.map(\.name))
    #expect(arena.parameters.map(\.offset) == [0, 32, 48, 96, 112])
    #expect(arena.values.count == 176 && arena.gradients.count == 176)
    for parameter in arena.parameters {
      #expect(parameter.value.base == arena.values.base + parameter.offset)
      #expect(parameter.gradient.base == arena.gradients.base + parameter.offset)
      #expect(UInt(bitPattern: parameter.value.base) % 64 == 0)
    }
    let weight = arena["weight"]
    #expect(weight.value.shape == "[5, 9]" && weight.shape == [5, 9] && weight.count == 45)
    weight.gradient[4, 8] = 3
    #expect(arena.gradients[48 + 44] == 3 && weight.gradientVector[44] == 3)
    arena.clearGradients()
    #expect(arena.gradients.values.allSatisfy { $0 == 0 })
    #expect(arena.find("nothing") == nil && arena.find("bias")?.count == 9)
  }

  @Test func aSliceIsOneExpert() {
    let experts = ParameterArena(specs, seed: 1)["experts"]
    let (value, gradient) = experts.slice(2)
    #expect(value.shape == "[4, 5]" && value.base == experts.value.base + 40)
    #expect(gradient.shape == "[4, 5]" && gradient.base == experts.gradient.base + 40)
    #expect(experts.value.shape == "[12, 5]")
  }

  @Test func paddingIsZeroAndNeverDecays() {
    let arena = ParameterArena(specs, seed: 3)
    var isParameter = [Bool](repeating: false, count: arena.values.count)
    for (parameter, spec) in zip(arena.parameters, specs) {
      for index in parameter.offset..<(parameter.offset + parameter.count) {
        isParameter[index] = true
        #expect((arena.decays[index] == 1) == spec.decays)
      }
    }
    for index in isParameter.indices where !isParameter[index] {
      #expect(arena.values[index] == 0 && arena.decays[index] == 0)
    }
  }

  @Test func aStartDependsOnSeedAndNameAlone() {
    let arena = ParameterArena(specs, seed: 5)
    let others = ParameterArena([ParameterSpec("before", [2, 2], .xavierUniform, decays: true)] + specs.reversed(), seed: 5)
    let otherSeed = ParameterArena(specs, seed: 6)
    for name in ["table", "weight", "experts"] {
      #expect(arena[name].value.values == others[name].value.values)
      #expect(arena[name].value.values != otherSeed[name].value.values)
    }
    let twins = ParameterArena(["a", "b"].map { ParameterSpec($0, [4, 4], .normal(deviation: 1), decays: false) }, seed: 5)
    #expect(twins["a"].value.values != twins["b"].value.values)
  }

  @Test func startsHaveTheirDistribution() {
    let wide = ParameterArena(
      [
        ParameterSpec("normal", [100, 100], .normal(deviation: 0.02), decays: false),
        ParameterSpec("xavier", [2, 60, 90], .xavierUniform, decays: true), ParameterSpec("ones", [11], .ones, decays: false),
        ParameterSpec("zeros", [11], .zeros, decays: false),
      ], seed: 7)
    let normal = wide["normal"].vector.values
    #expect(abs(norm(normal) / 100 - 0.02) < 0.0005)
    let xavier = wide["xavier"].vector.values
    let bound = Float(6.0 / 150).squareRoot()
    #expect(xavier.allSatisfy { abs($0) <= bound })
    #expect((xavier.max() ?? 0) > 0.99 * bound && (xavier.min() ?? 0) < -0.99 * bound)
    #expect(wide["ones"].vector.values.allSatisfy { $0 == 1 })
    #expect(wide["zeros"].vector.values.allSatisfy { $0 == 0 })
  }

  @Test func frozenParametersNeitherLearnNorDecay() {
    let grouped = specs.map { ["weight", "bias"].contains($0.name) ? $0.grouped(.fusion) : $0 }
    let arena = ParameterArena(grouped, seed: 9)
    arena.freeze { $0 == .fusion }
    arena.gradients.base.update(repeating: 2, count: arena.gradients.count)
    arena.clearFrozenGradients()
    for parameter in arena.parameters {
      let isFrozen = ["weight", "bias"].contains(parameter.name)
      #expect(parameter.gradientVector.values.allSatisfy { $0 == (isFrozen ? 0 : 2) })
    }
    #expect(arena.decays[arena["weight"].offset] == 0 && arena.decays[arena["experts"].offset] == 1)
  }
}
