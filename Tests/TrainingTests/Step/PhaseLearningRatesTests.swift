import Config
import Model
import Testing

@testable import Runs
@testable import Training

struct PhaseLearningRatesTests {
  private let world: TrainingWorld

  init() throws {
    world = try TrainingWorld()
  }

  private func rates(_ changes: String..., phase: Int = 0, steps: Int = 7) throws -> PhaseLearningRates {
    let text =
      "optimizer: {learning_rate: 0.01, warmup: 0, id_learning_rate: 0.5, token_learning_rate: 0.125}\ntargeted: [{name: a}]"
    let config = try ConfigReader.read(text: text, name: "test", overrides: changes)
    return PhaseLearningRates(PhasePlan.all(config, world.dataset)[phase], config, steps: steps)
  }

  @Test(arguments: [("0", 0), ("0.1", 1), ("0.5", 4), ("0.57", 4), ("0.58", 5), ("0.99", 7), ("1", 7)])
  func tokensStartAtTheFreezesEnd(freeze: String, first: Int) throws {
    let rates = try rates("universal.token_freeze=\(freeze)")
    #expect((0..<7).map { rates.rows(at: $0).token != nil } == (0..<7).map { $0 >= first })
    #expect((0..<7).allSatisfy { rates.rows(at: $0).id != nil })
    // A whole freeze has no end, however long the phase goes on.
    #expect((rates.rows(at: 1_000).token == nil) == (freeze == "1"))
  }

  @Test func halfOfAnEvenNumberIsHalf() throws {
    let rates = try rates("universal.token_freeze=0.5", steps: 8)
    #expect(rates.rows(at: 3).token == nil && rates.rows(at: 4).token != nil)
  }

  @Test func denseRatesFollowTheCosineAndRowsStay() throws {
    let rates = try rates("universal.token_freeze=0", "optimizer.row_schedule=constant")
    #expect(rates.dense(at: 0) == 0.01)
    #expect((1..<7).allSatisfy { rates.dense(at: $0) < rates.dense(at: $0 - 1) })
    #expect((0..<7).allSatisfy { rates.rows(at: $0).id == 0.5 && rates.rows(at: $0).token == 0.125 })
  }

  @Test func rowsMayFollowTheSchedule() throws {
    let rates = try rates("universal.token_freeze=0", "optimizer.row_schedule=same", "optimizer.warmup=0.3")
    for step in 0..<7 {
      let factor = Float(rates.dense(at: step) / 0.01)
      #expect(abs((rates.rows(at: step).id ?? 0) - 0.5 * factor) < 1e-6)
      #expect(abs((rates.rows(at: step).token ?? 0) - 0.125 * factor) < 1e-6)
    }
  }

  @Test func aTargetedPhaseScalesAndFreezes() throws {
    let plain = try rates("targeted.0.learning_rate_scale=0.5", "optimizer.row_schedule=constant", phase: 1)
    #expect(plain.dense(at: 0) == 0.005 && plain.rows(at: 0).id == 0.25)
    // The universal phase's freeze is over; its half does not begin again.
    #expect(plain.rows(at: 0).token == 0.0625)
    #expect(try rates("targeted.0.freeze=[ids]", phase: 1).rows(at: 3).id == nil)
    #expect(try rates("targeted.0.freeze=[tokens]", phase: 1).rows(at: 3).token == nil)
    #expect(try rates("targeted.0.freeze=[tokens]", phase: 1).rows(at: 3).id != nil)
    #expect(try rates("universal.token_freeze=1", phase: 1).rows(at: 6).token == nil)
  }
}
