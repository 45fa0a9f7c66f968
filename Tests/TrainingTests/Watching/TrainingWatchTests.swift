import Config
import Logging
import Model
import Reporting
import Synchronization
import Tensors
import Testing

@testable import Training

/// Warnings come when they should, once, and not when they should not.
struct TrainingWatchTests {
  private let said = Warnings()
  private let config = try? ConfigReader.read(text: "model: {experts: 4, active_experts: 1}", name: "test.yaml")

  private func watch(_ config: RunConfig) -> TrainingWatch {
    TrainingWatch("universal", config, logger: said.logger())
  }

  private func report(_ loss: Double) -> StepReport {
    var report = StepReport()
    report.loss = loss
    return report
  }

  /// Losses that fall and scatter by a hundredth.
  private func loss(_ step: Int) -> Double {
    6 - 0.002 * Double(step) + 0.02 * Double(RandomStream(seed: 1, purpose: .benchmark).below(1000, row: UInt64(step))) / 1000
  }

  @Test func aSpikeIsWarnedOfOnceAndNothingElseIs() throws {
    let watch = watch(try #require(config))
    for step in 0..<300 { watch.observe(step, report(loss(step)), nil) }
    #expect(said.texts == [])
    watch.observe(300, report(7.5), nil)
    watch.observe(301, report(7.4), nil)
    for step in 302..<500 { watch.observe(step, report(loss(step)), nil) }
    #expect(said.texts.count == 1 && said.texts[0].contains("the loss jumps") && said.texts[0].contains("step 301"))
  }

  @Test func nullNeverWarnsOfALoss() throws {
    var config = try #require(config)
    config.guards.lossSpike = nil
    let watch = watch(config)
    for step in 0..<300 { watch.observe(step, report(step == 200 ? 1e6 : 1), nil) }
    #expect(said.texts == [])
  }

  @Test func aDeadExpertIsNamedOnceForEachDeath() throws {
    let watch = watch(try #require(config))
    let workspace = Workspace(chunkBytes: 1 << 16)
    let routing = Routing(experts: 4, workspace: workspace)
    func steps(_ range: Range<Int>, _ routed: [Double]) {
      for step in range {
        for expert in 0..<4 { routing.routed[expert] = routed[expert] }
        watch.observe(step, report(1), routing)
      }
    }
    steps(0..<200, [30, 30, 20, 20])
    #expect(said.texts == [])
    steps(200..<600, [50, 30, 20, 0])
    #expect(said.texts.count == 1 && said.texts[0].contains("expert 3") && said.texts[0].contains("hardly any"))
    steps(600..<800, [30, 30, 20, 20])
    steps(800..<1000, [50, 30, 20, 0.1])
    #expect(said.texts.count == 2)
    steps(1000..<1010, [96, 2, 1, 1])
    #expect(said.texts.count == 3 && said.texts[2].contains("nearly every item"))
  }
}

/// Keeps what is logged, as a console shows it.
private final class Warnings: Sendable {
  private let lines = Mutex<[String]>([])
  var texts: [String] { lines.withLock { $0 } }

  func logger() -> Logger {
    let keep: @Sendable (String) -> Void = { [self] line in lines.withLock { $0.append(line) } }
    let console = Console(verbosity: .normal, isTerminal: false, output: keep, error: keep)
    return Logger(label: "test") { _ in ConsoleLogHandler(console) }
  }
}
