import Model
import TestSupport
import Testing

@Suite struct LearningRateScheduleTests {
  private struct Config: Decodable {
    let learningRate, final: Double
    let warmup: Int
    let steps: Int

    enum CodingKeys: String, CodingKey {
      case warmup, steps, final
      case learningRate = "learning_rate"
    }
  }

  @Test func ratesAreThoseOfTheReference() throws {
    let fixture = try FixtureFile(named: "optimizers/schedule")
    let configs = try fixture.decode([String: Config].self)
    #expect(configs.count == 5)
    for (name, config) in configs {
      let schedule = LearningRateSchedule(
        peak: config.learningRate, steps: config.steps, warmupShare: Double(config.warmup) / Double(config.steps),
        floor: config.final)
      #expect(schedule.warmup == config.warmup)
      let rates = (0..<config.steps).map { Float(schedule.rate(at: $0)) }
      #expect(relativeError(rates, try fixture.floats(name)) < 1e-6, "\(name)")
    }
  }

  @Test func warmUpMeetsTheCosineAndTheFloorHolds() {
    let schedule = LearningRateSchedule(peak: 2, steps: 100, warmupShare: 0.1, floor: 0.25)
    #expect(schedule.warmup == 10)
    #expect(schedule.rate(at: 0) == 0.2 && schedule.rate(at: 9) == 2 && schedule.rate(at: 10) == 2)
    #expect(abs(schedule.rate(at: 55) - 2 * 0.625) < 1e-12)  // half way down
    #expect((10..<100).allSatisfy { schedule.rate(at: $0 + 1) < schedule.rate(at: $0) })
    #expect([100, 101, 1_000_000].allSatisfy { abs(schedule.rate(at: $0) - 0.5) < 1e-12 })
  }

  @Test func degenerateLengths() {
    #expect(LearningRateSchedule(peak: 1, steps: 1, warmupShare: 0).factor(at: 0) == 1)
    #expect(LearningRateSchedule(peak: 1, steps: 1, warmupShare: 1).factor(at: 0) == 1)
    #expect(LearningRateSchedule(peak: 1, steps: 0, warmupShare: 0.5).factor(at: 0) == 1)
    #expect(LearningRateSchedule(peak: 1, steps: 10, warmupShare: 1).factor(at: 9) == 1)
  }
}
