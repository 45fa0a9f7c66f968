import Model
import Tensors
import TestSupport
import Testing

@Suite struct RowOptimizerTests {
  private struct Config: Decodable {
    let learningRate: Float
    let epsilon: Float
    let beta1, beta2: Float?

    enum CodingKeys: String, CodingKey {
      case epsilon, beta1, beta2
      case learningRate = "learning_rate"
    }
  }

  /// Runs a fixture's three steps; returns the worst error of the tensors named `pairs` (fixture name, values).
  private func worst(
    _ fixture: FixtureFile, _ optimizer: RowOptimizer, _ rate: Float, states: [(String, String)]
  ) throws -> Double {
    let shape = try fixture.shape("initial")
    let table = GuardedMatrix.make(try fixture.floats("initial"), rows: shape[0], columns: shape[1])
    var worst = 0.0
    for step in 0..<3 {
      let gradients = try fixture.floats("gradient.\(step)")
      for (index, row) in try fixture.ints("rows.\(step)").enumerated() {
        let gradient = Vector.guarded(Array(gradients[(index * shape[1])..<((index + 1) * shape[1])]))
        optimizer.update(row, gradient: gradient, value: Vector(table.row(row), count: shape[1]), learningRate: rate)
      }
      worst = max(worst, relativeError(table.values, try fixture.floats("weight.\(step)")))
      for (expected, name) in states {
        let actual = try #require(optimizer.states.first { $0.name == name }).values.values
        let values =
          name == "updates" ? try fixture.ints("\(expected).\(step)").map(Float.init) : try fixture.floats("\(expected).\(step)")
        let error = relativeError(actual, values)
        worst = max(worst, name == "moment2" ? error / 20 : error)  // 1 − 0.999 has five digits in single precision
      }
    }
    #expect(GuardedMatrix.isIntact(table))
    return worst
  }

  @Test func adaGradIsTheReference() throws {
    let fixture = try FixtureFile(named: "optimizers/adagrad-rows")
    let config = try fixture.decode(Config.self)
    let optimizer = RowOptimizer(.adaGrad(epsilon: config.epsilon), rows: 7, width: 5)
    #expect(optimizer.states.map(\.name) == ["accumulator"] && optimizer.states[0].values.shape == "[7, 1]")
    let error = try worst(fixture, optimizer, config.learningRate, states: [("accumulator", "accumulator")])
    print("row-wise AdaGrad: worst error \(error)")
    #expect(error < 1e-6)
  }

  @Test func lazyAdamIsTheReference() throws {
    let fixture = try FixtureFile(named: "optimizers/lazy-adam-rows")
    let config = try fixture.decode(Config.self)
    let rule = RowOptimizer.Rule.lazyAdam(
      beta1: try #require(config.beta1), beta2: try #require(config.beta2), epsilon: config.epsilon)
    let optimizer = RowOptimizer(rule, rows: 7, width: 5)
    #expect(optimizer.states.map(\.name) == ["moment1", "moment2", "updates"])
    let error = try worst(
      fixture, optimizer, config.learningRate, states: [("first", "moment1"), ("second", "moment2"), ("steps", "updates")])
    print("lazy Adam: worst error \(error)")
    #expect(error < 1e-6)
  }

  @Test func aTableMayBeEmpty() {
    #expect(RowOptimizer(.adaGrad(epsilon: 0), rows: 0, width: 5).states[0].values.count == 0)
    #expect(RowOptimizer(.lazyAdam(beta1: 0, beta2: 0, epsilon: 0), rows: 3, width: 0).states.map(\.values.count) == [0, 0, 3])
  }
}
