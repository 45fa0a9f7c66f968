import Files
import Synchronization

/// Progress of long work on stderr: one redrawn line on a terminal, a plain line now and then when piped, nothing when quiet.
///
/// ```
/// evaluating universal  [=========>           ]  45 %  1,234/2,700 users  12.3 users/s  2:01 left
/// ```
/// Calls are cheap and may come from any thread; the line is drawn at most 10 times a second, off a terminal every 10 seconds.
package final class ProgressBar: Sendable {
  /// Seconds on some steady clock.
  package typealias Clock = @Sendable () -> Double

  private struct State {
    var completed: Int
    var note = ""
    var meter: RateMeter
    var pace: DrawingPace
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
    state = Mutex(
      State(
        completed: completed, meter: RateMeter(time: startedAt, completed: completed),
        pace: DrawingPace(isTerminal: console.isTerminal, from: startedAt)))
  }

  /// Seconds since some point in the past.
  @Sendable package static func steadyClock() -> Double {
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
      let now = clock()
      if state.pace.isDue(now) || completed == total, let note = note() { state.note = note }
      update(&state, completed: completed, now)
    }
  }

  /// Sets the units done, and what stands at the end of the line.
  package func update(completed: Int, note: String? = nil) {
    if console.verbosity == .quiet { return }
    state.withLock { state in
      if let note { state.note = note }
      update(&state, completed: completed, clock())
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
      console.screen.clear()
      console.note("\(title): " + parts.filter { !$0.isEmpty }.joined(separator: ", "))
    }
  }

  private func update(_ state: inout State, completed: Int, _ now: Double) {
    state.completed = completed
    guard !state.finished, state.pace.isDue(now) else { return }
    state.pace.note(now)
    state.meter.update(time: now, completed: completed)
    if console.isTerminal {
      console.screen.show([drawn(state)])
    } else {
      console.note("\(title): " + facts(state).map(\.text).joined(separator: ", "))
    }
  }

  /// The line; on a narrow terminal the bar shrinks, then goes, then what matters least: no word is cut.
  private func drawn(_ state: State) -> StyledLine {
    var known = facts(state)
    func room() -> Int { console.width - 1 - TextTable.width(title) - known.reduce(0) { $0 + 2 + TextTable.width($1.text) } }
    for kind in [Fact.speed, .note, .count, .timeLeft] where room() < 0 { known.removeAll { $0.kind == kind } }
    let (facts, room) = (known.map(\.text), room())
    var line = StyledLine(title, .bold)
    if let total, total > 0, let bar = StyledLine(bar: Double(state.completed) / Double(total), columns: min(24, room)) {
      line.append(bar)
    }
    line.append("  " + facts.joined(separator: "  "))
    return line
  }

  /// Share, count, speed, time left and note, those of them that are known.
  private func facts(_ state: State) -> [(kind: Fact, text: String)] {
    var parts: [(kind: Fact, text: String)] = []
    if let total, total > 0 {
      parts.append((.share, "\(max(0, min(100, 100 * state.completed / total))) %"))
      parts.append((.count, "\(HumanFormat.count(state.completed))/\(HumanFormat.count(total, unit))"))
    } else {
      // All that is known of how far it is.
      parts.append((.share, HumanFormat.count(state.completed, unit)))
    }
    parts.append((.speed, speed(state.meter.rate)))
    if let total, state.meter.rate > 0, state.completed < total {
      parts.append((.timeLeft, HumanFormat.duration(seconds: Double(total - state.completed) / state.meter.rate) + " left"))
    }
    return (parts + [(.note, state.note)]).filter { !$0.text.isEmpty }
  }

  /// What a part of the line says.
  private enum Fact {
    case share, count, speed, timeLeft, note
  }

  private func speed(_ rate: Double) -> String { rate > 0 ? "\(HumanFormat.rate(rate)) \(unit)s/s" : "" }
}

extension StyledLine {
  /// `  [=====>    ]` of a share from 0 to 1, two spaces in front; nil where there is no room for one.
  package init?(bar share: Double, columns: Int) {
    let cells = columns - 4
    guard cells >= 5 else { return nil }
    let full = max(0, min(cells, Int(Double(cells) * share)))
    self.init("  [")
    append(String(repeating: "=", count: full) + (full < cells ? ">" : ""), .cyan)
    append(String(repeating: " ", count: max(0, cells - full - 1)) + "]")
  }
}
