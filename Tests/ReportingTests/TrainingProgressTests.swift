import Testing

@testable import Reporting

struct TrainingProgressTests {
  private var progress: TrainingProgress {
    var progress = TrainingProgress(phase: "universal", steps: 2700)
    (progress.number, progress.phases, progress.step, progress.stepsPerEpoch) = (1, 3, 1404, 135)
    (progress.loss, progress.positionsPerSecond) = (5.4321, 104_000)
    (progress.phaseSeconds, progress.runSeconds) = (121, 520)
    progress.metric = "ndcg@10"
    (progress.last, progress.best) = (.init(value: 0.0712, step: 1350), .init(value: 0.0731, step: 1215))
    progress.patience = (1, 3)
    return progress
  }

  @Test func aWideTerminalTakesThreeLines() {
    #expect(
      progress.lines(columns: 129).map(\.text) == [
        "universal (phase 1 of 3)  [===============>              ]  52 %  2:01 left in this phase, 8:40 in the run",
        "epoch 11 of 20, step 1,404 of 2,700, loss 5.4321, 104,000 positions/s",
        "validation ndcg@10 0.0712 after step 1,350, best 0.0731 after step 1,215, patience 1 of 3",
      ])
  }

  /// Where a fact is too wide for a line of its own, less of it is said.
  @Test(arguments: 24...130) func noLineIsWiderThanTheTerminal(columns: Int) {
    let lines = progress.lines(columns: columns)
    #expect(lines.allSatisfy { $0.width <= columns }, "\(lines.map(\.text))")
    let text = lines.map(\.text).joined(separator: " ")
    for fact in [
      "52 %", "2:01 left", "epoch 11 of 20", "loss 5.4321", "104,000 positions/s", "0.0712", "0.0731", "patience 1 of 3",
    ] {
      #expect(text.contains(fact), "\(fact) at \(columns) columns")
    }
  }

  @Test func aPipeGetsOneLine() {
    #expect(
      progress.line
        == "universal: 52 %, epoch 11 of 20, step 1,404 of 2,700, loss 5.4321, 104,000 positions/s, 2:01 left in this phase, "
        + "8:40 in the run, validation ndcg@10 0.0712 after step 1,350, best 0.0731 after step 1,215, patience 1 of 3")
  }

  @Test func whatNobodyKnowsIsNotSaid() {
    let progress = TrainingProgress(phase: "like", steps: 0)
    #expect(progress.lines(columns: 80).map(\.text) == ["like  100 %", "step 0 of 0"])
    #expect(progress.line == "like: 100 %, step 0 of 0")
  }

  @Test func theBestSoFarIsCalledSo() {
    var progress = progress
    progress.best = progress.last
    progress.patience = (0, 3)
    #expect(progress.lines(columns: 129).last?.text == "validation ndcg@10 0.0712 after step 1,350, the best so far")
  }
}
