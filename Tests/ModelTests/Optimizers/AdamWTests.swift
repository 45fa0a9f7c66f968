import Model
import Tensors
import TestSupport
import Testing

@Suite struct AdamWTests {
  private struct Config: Decodable {
    let weightDecay: [String: Float]
    let beta1, beta2, epsilon: Float
    let steps: Int

    enum CodingKeys: String, CodingKey {
      case beta1, beta2, epsilon, steps
      case weightDecay = "weight_decay"
    }
  }

  private func options(_ config: Config) -> AdamW.Options {
    var options = AdamW.Options()
    options.weightDecay = config.weightDecay["weight"] ?? 0
    options.beta1 = config.beta1
    options.beta2 = config.beta2
    options.epsilon = config.epsilon
    return options
  }

  /// Six steps of PyTorch's own AdamW, with a scheduled rate; see `Tests/References`.
  @Test func stepsAreThoseOfTheReference() throws {
    let fixture = try FixtureFile(named: "optimizers/adamw")
    let config = try fixture.decode(Config.self)
    let arena = ParameterArena(
      [
        ParameterSpec("weight", [7, 5], .zeros, decays: try #require(config.weightDecay["weight"]) > 0),
        ParameterSpec("bias", [5], .zeros, decays: try #require(config.weightDecay["bias"]) > 0),
      ], seed: 1)
    let optimizer = AdamW(arena, options: options(config))
    for parameter in arena.parameters {
      parameter.value.base.update(from: try fixture.floats("initial.\(parameter.name)"), count: parameter.count)
    }
    let rates = try fixture.floats("learning_rates")
    var worst = 0.0
    for step in 0..<config.steps {
      for parameter in arena.parameters {
        parameter.gradient.base.update(from: try fixture.floats("gradient.\(step).\(parameter.name)"), count: parameter.count)
      }
      optimizer.update(learningRate: rates[step], gradientFactor: 1)
      #expect(optimizer.updates == step + 1)
      for parameter in arena.parameters {
        let indices = parameter.offset..<(parameter.offset + parameter.count)
        let actual = [
          ("weight", parameter.vector), ("first", optimizer.firstMoments[indices]), ("second", optimizer.secondMoments[indices]),
        ]
        for (name, values) in actual {
          let error = relativeError(values.values, try fixture.floats("\(name).\(step).\(parameter.name)"))
          #expect(error < (name == "second" ? 2e-5 : 1e-6), "step \(step), \(name) of \(parameter.name): \(error)")
          worst = max(worst, error)
        }
      }
    }
    print("AdamW: worst error \(worst)")
  }

  @Test func onlyMatricesDecayAndPaddingStaysZero() {
    let arena = ParameterArena(
      [ParameterSpec("a", [3, 3], .ones, decays: true), ParameterSpec("b", [5], .ones, decays: false)], seed: 1)
    var options = AdamW.Options()
    options.weightDecay = 0.5
    let optimizer = AdamW(arena, options: options)
    optimizer.update(learningRate: 0.1, gradientFactor: 1)
    #expect(arena["a"].value.values.allSatisfy { abs($0 - 0.95) < 1e-6 })
    #expect(arena["b"].value.values == [1, 1, 1, 1, 1])
    #expect((9..<16).allSatisfy { arena.values[$0] == 0 } && (21..<32).allSatisfy { arena.values[$0] == 0 })
  }

  @Test func theFactorScalesTheGradient() {
    func moments(gradient: Float, factor: Float) -> [Float] {
      let arena = ParameterArena([ParameterSpec("a", [4, 4], .ones, decays: true)], seed: 1)
      arena.gradients.base.update(repeating: gradient, count: 16)
      let optimizer = AdamW(arena, options: AdamW.Options())
      optimizer.update(learningRate: 0.1, gradientFactor: factor)
      return optimizer.firstMoments.values + optimizer.secondMoments.values
    }
    #expect(moments(gradient: 4, factor: 0.25) == moments(gradient: 1, factor: 1))
    #expect(moments(gradient: 4, factor: 0.5) != moments(gradient: 1, factor: 1))
  }
}
