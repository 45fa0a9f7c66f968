import Files
import Glibc
import Synchronization

/// Progress of long work on stderr: one redrawn line on a terminal, a plain line now and then when piped, nothing when quiet.
///
/// ```
/// universal  [=========>           ]  45 %  1,234/2,700 steps  12.3 steps/s  2:01 left  loss 5.43
/// ```
/// Calls are cheap and may come from any thread; the line is drawn at most 10 times a second, off a terminal every 10 seconds.
package final class ProgressBar: Sendable {
  /// Seconds on some steady clock.
  package typealias Clock = @Sendable () -> Double

  private struct State {
    var completed: Int
    var note = ""
    var meter: RateMeter
    var drawnAt: Double
    var drawnWidth = 0
    var finished = false
  }

  private let title: String
  private let total: Int?
  private let unit: String
  private let console: Console
  private let clock: Clock
  private let startedAt: Double
  private let alreadyDone: Int
  private let state: Mutex<State>
  private static let origin = ContinuousClock.now
  private static let redrawSeconds = 0.1
  private static let plainSeconds = 10.0

  /// Begins; nothing is drawn before the first update.
  ///
  /// - Parameters:
  ///   - title: what is being done, one or two words.
  ///   - total: units in all; nil when nobody knows, then there is no time left.
  ///   - unit: what is counted, in the singular.
  ///   - completed: units done before this run, on a resume; they do not count for the rate.
  ///   - clock: for tests; the process's steady clock otherwise.
  package init(
    _ title: String, total: Int?, unit: String, completed: Int = 0, console: Console,
    clock: @escaping Clock = ProgressBar.steadyClock
  ) {
    self.title = title
    self.total = total
    self.unit = unit
    self.console = console
    self.clock = clock
    startedAt = clock()
    alreadyDone = completed
    // On a terminal the first update draws at once; a pipe waits its ten seconds, so short work leaves one line.
    let drawnAt = console.isTerminal ? -Double.infinity : startedAt
    state = Mutex(State(completed: completed, meter: RateMeter(time: startedAt, completed: completed), drawnAt: drawnAt))
  }

  /// Seconds since some point in the past.
  @Sendable static func steadyClock() -> Double {
    let (seconds, attoseconds) = origin.duration(to: .now).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }

  /// Adds units to those done.
  ///
  /// - Parameter note: what stands at the end of the line; only made when a line is drawn, or with the last unit.
  package func advance(by count: Int = 1, note: @autoclosure () -> String? = nil) {
    if console.verbosity == .quiet { return }
    state.withLock { state in
      let completed = state.completed + count
      if isDue(state) || completed == total, let note = note() { state.note = note }
      update(&state, completed: completed)
    }
  }

  /// Sets the units done, and what stands at the end of the line ("loss 5.43").
  package func update(completed: Int, note: String? = nil) {
    if console.verbosity == .quiet { return }
    state.withLock { state in
      if let note { state.note = note }
      update(&state, completed: completed)
    }
  }

  /// Ends with a line that says how long it took; later calls do nothing.
  package func finish(note: String? = nil) {
    if console.verbosity == .quiet { return }
    state.withLock { state in
      guard !state.finished else { return }
      state.finished = true
      if let note { state.note = note }
      let seconds = clock() - startedAt
      let rate = seconds > 0 ? Double(state.completed - alreadyDone) / seconds : 0
      let parts = [
        "\(HumanFormat.count(state.completed, unit)) in \(HumanFormat.duration(seconds: seconds))", speed(rate), state.note,
      ]
      let line = "\(title): " + parts.filter { !$0.isEmpty }.joined(separator: ", ")
      console.raw(console.isTerminal ? "\r" + padded(line, over: state.drawnWidth) + "\n" : line + "\n")
    }
  }

  private func isDue(_ state: State) -> Bool {
    clock() - state.drawnAt >= (console.isTerminal ? ProgressBar.redrawSeconds : ProgressBar.plainSeconds)
  }

  private func update(_ state: inout State, completed: Int) {
    state.completed = completed
    guard !state.finished, isDue(state) else { return }
    let now = clock()
    state.drawnAt = now
    state.meter.update(time: now, completed: completed)
    if console.isTerminal {
      let line = String(drawn(state).prefix(console.width - 1))
      console.raw("\r" + padded(line, over: state.drawnWidth))
      state.drawnWidth = line.count
    } else {
      console.raw("\(title): " + facts(state).joined(separator: ", ") + "\n")
    }
  }

  private func drawn(_ state: State) -> String {
    var parts = [title]
    if let total, total > 0 {
      let cells = 20
      let full = max(0, min(cells, cells * state.completed / total))
      parts.append(
        "[" + String(repeating: "=", count: full) + (full < cells ? ">" : "")
          + String(repeating: " ", count: max(0, cells - full - 1)) + "]")
    }
    return (parts + facts(state)).joined(separator: "  ")
  }

  /// Share, count, speed, time left and note, those of them that are known.
  private func facts(_ state: State) -> [String] {
    var parts: [String] = []
    if let total, total > 0 {
      parts.append("\(max(0, min(100, 100 * state.completed / total))) %")
      parts.append("\(HumanFormat.count(state.completed))/\(HumanFormat.count(total, unit))")
    } else {
      parts.append(HumanFormat.count(state.completed, unit))
    }
    parts.append(speed(state.meter.rate))
    if let total, state.meter.rate > 0, state.completed < total {
      parts.append(HumanFormat.duration(seconds: Double(total - state.completed) / state.meter.rate) + " left")
    }
    return (parts + [state.note]).filter { !$0.isEmpty }
  }

  private func speed(_ rate: Double) -> String { rate > 0 ? "\(HumanFormat.rate(rate)) \(unit)s/s" : "" }

  private func padded(_ line: String, over width: Int) -> String {
    line + String(repeating: " ", count: max(0, width - line.count))
  }
}

/// How fast something goes now: an average in which what lies further back than a quarter of a minute hardly counts.
///
/// `rate += (1 - e^(-dt / 15 s)) (newest - rate)`: what took a time `dt` weighs by it. A slow start is forgotten after some such times; a single
/// step far longer than that decides alone.
struct RateMeter {
  private var time: Double
  private var completed: Int
  /// Units a second; 0 until something was done.
  private(set) var rate = 0.0

  /// Starts at a time in seconds.
  init(time: Double, completed: Int) {
    self.time = time
    self.completed = completed
  }

  /// Notes how much is done by now.
  mutating func update(time now: Double, completed done: Int) {
    let passed = now - time
    guard passed > 0 else { return }
    let newest = Double(done - completed) / passed
    rate = rate == 0 ? newest : rate + (1 - exp(-passed / 15)) * (newest - rate)
    (time, completed) = (now, done)
  }
}
