import Synchronization
import Testing

@testable import Reporting

/// What a console was told, and a clock that only the test moves.
final class Recorder: Sendable {
  private let state = Mutex((error: [String](), output: [String](), seconds: 100.0))

  var error: [String] { state.withLock { $0.error } }
  var output: [String] { state.withLock { $0.output } }

  @Sendable func now() -> Double { state.withLock { $0.seconds } }
  func sleep(_ seconds: Double) { state.withLock { $0.seconds += seconds } }

  func console(_ verbosity: Verbosity = .normal, terminal: Bool = false, width: Int = 80) -> Console {
    Console(verbosity: verbosity, isTerminal: terminal, width: width) { text in
      self.state.withLock { $0.output.append(text) }
    } error: { text in
      self.state.withLock { $0.error.append(text) }
    }
  }
}

struct ProgressBarTests {
  @Test func pipedWorkLeavesALineEveryTenSecondsAndOneAtTheEnd() {
    let recorder = Recorder()
    let bar = ProgressBar("universal", total: 3200, unit: "step", console: recorder.console(), clock: recorder.now)
    for step in 1...240 {
      recorder.sleep(0.125)
      bar.update(completed: step * 10, note: "loss 5.43")
    }
    bar.finish()
    bar.finish()
    #expect(
      recorder.error == [
        "universal: 25 %, 800/3,200 steps, 80.0 steps/s, 0:30 left, loss 5.43\n",
        "universal: 50 %, 1,600/3,200 steps, 80.0 steps/s, 0:20 left, loss 5.43\n",
        "universal: 75 %, 2,400/3,200 steps, 80.0 steps/s, 0:10 left, loss 5.43\n",
        "universal: 2,400 steps in 0:30, 80.0 steps/s, loss 5.43\n",
      ])
  }

  @Test func aTerminalIsRedrawnTenTimesASecondAtMost() {
    let recorder = Recorder()
    let bar = ProgressBar("read", total: nil, unit: "row", console: recorder.console(terminal: true), clock: recorder.now)
    for _ in 0..<1000 {
      recorder.sleep(0.001)
      bar.advance()
    }
    #expect((9...11).contains(recorder.error.count))
    #expect(recorder.error.allSatisfy { !$0.contains("\n") })
    bar.finish()
    #expect(recorder.error.last?.hasPrefix("read: 1,000 rows in 0:01") == true)
    #expect(recorder.error.last?.hasSuffix("\n") == true)
  }

  @Test(arguments: [(80, true), (40, false), (20, false)]) func theLineFitsTheTerminal(width: Int, hasBar: Bool) throws {
    let recorder = Recorder()
    let bar = ProgressBar(
      "train", total: 10, unit: "step", console: recorder.console(terminal: true, width: width), clock: recorder.now)
    recorder.sleep(1)
    bar.update(completed: 5, note: "a note of some words")
    let line = try #require(recorder.error.last).replacing("\u{1B}[K", with: "").replacing("\u{1B}[J", with: "")
    #expect(line.count <= width - 1 && line.contains("[=") == hasBar, "\(line)")
    #expect(line.hasPrefix("train  "))
  }

  /// A narrow terminal shows less, not a part of a word.
  @Test(arguments: 27...90) func whatMattersLeastGoesFirst(width: Int) throws {
    let recorder = Recorder()
    let bar = ProgressBar(
      "evaluating universal", total: 2700, unit: "user", console: recorder.console(terminal: true, width: width),
      clock: recorder.now)
    recorder.sleep(100)
    bar.update(completed: 1234, note: "on rank 0")
    let line = try #require(recorder.error.last).replacing("\u{1B}[K", with: "").replacing("\u{1B}[J", with: "")
    #expect(line.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[0m", with: "").count < width)
    let parts = line.replacing(#/\[[^\]]*\]/#, with: "").split(separator: "  ").map(String.init).dropFirst()
    let whole = ["45 %", "1,234/2,700 users", "12.3 users/s", "1:59 left", "on rank 0"]
    #expect(parts.allSatisfy { whole.contains($0) } && parts.first == "45 %", "\(line)")
    #expect(line.contains("1:59 left") == (width >= 38) && line.contains("users/s") == (width >= 82), "\(line)")
  }

  @Test func aNoteIsMadeForALineAndForTheEnd() {
    let recorder = Recorder()
    let bar = ProgressBar("train", total: 40, unit: "step", console: recorder.console(), clock: recorder.now)
    var made: [Int] = []
    for step in 1...40 {
      recorder.sleep(1)
      bar.advance(
        note: {
          made.append(step)
          return "step \(step)"
        }())
    }
    bar.finish()
    #expect(made == [10, 20, 30, 40])
    #expect(recorder.error.map { $0.hasSuffix("step 40\n") } == [false, false, false, true, true])
  }

  @Test func quietSaysNothing() {
    let recorder = Recorder()
    let bar = ProgressBar(
      "train", total: 10, unit: "step", console: recorder.console(.quiet, terminal: true), clock: recorder.now)
    bar.advance(by: 3)
    bar.finish()
    #expect(recorder.error.isEmpty)
  }

  @Test func stepsOfAnEarlierRunDoNotCountForTheRate() {
    let recorder = Recorder()
    let bar = ProgressBar("train", total: 2000, unit: "step", completed: 1000, console: recorder.console(), clock: recorder.now)
    recorder.sleep(20)
    bar.update(completed: 1100)
    #expect(recorder.error == ["train: 55 %, 1,100/2,000 steps, 5.00 steps/s, 3:00 left\n"])
    bar.finish()
    #expect(recorder.error.last == "train: 1,100 steps in 0:20, 5.00 steps/s\n")
  }

  @Test func moreThanAnnouncedAndNothingAtAll() {
    let recorder = Recorder()
    let over = ProgressBar("a", total: 2, unit: "x", console: recorder.console(terminal: true), clock: recorder.now)
    over.update(completed: 5)
    #expect(recorder.error.last?.contains("100 %") == true)
    let empty = ProgressBar("b", total: 0, unit: "x", console: recorder.console(terminal: true), clock: recorder.now)
    empty.update(completed: 0)
    empty.finish()
    #expect(recorder.error.last?.contains("b: 0 xs in 0:00") == true)
  }

  @Test func theRateFollowsAChange() {
    var meter = RateMeter(time: 0, completed: 0)
    for second in 1...60 { meter.update(time: Double(second), completed: second * 10) }
    #expect(abs(meter.rate - 10) < 1e-9)
    for second in 1...60 { meter.update(time: 60 + Double(second), completed: 600 + second) }
    #expect(meter.rate > 1 && meter.rate < 1.5)
  }

  /// A slow first step is no measure for the others: from the second one on the rate is true.
  @Test func theRateIsTrueFromTheFirstSecond() {
    var meter = RateMeter()
    meter.add(1, seconds: 0.8)
    #expect(meter.rate == 1.25)
    for _ in 0..<4 {
      meter.add(1, seconds: 0.05)
      #expect(abs(meter.rate - 20) < 0.1, "\(meter.rate)")
    }
  }

  @Test func manyThreadsLoseNoCount() async {
    let recorder = Recorder()
    let bar = ProgressBar("t", total: nil, unit: "x", console: recorder.console(), clock: recorder.now)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<500 { bar.advance() } } }
    }
    bar.finish()
    #expect(recorder.error.last?.hasPrefix("t: 4,000 xs in") == true)
  }
}
