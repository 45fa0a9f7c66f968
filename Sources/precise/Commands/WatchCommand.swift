import ArgumentParser
import Config
import Files
import Foundation
import Glibc
import Host
import Reporting
import Runs

/// `precise watch`: follows a run from another terminal, or from another host that sees its folder.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Follows a run while it is trained.",
    discussion: """
      Examples:
        precise watch run/
        precise watch run/ --every 10 2> watch.log

      Reads the run's metrics.jsonl and shows what the terminal of its training shows. It changes nothing and may be \
      stopped (Ctrl-C) and started any time. It waits for a run that has not begun yet, and ends with the run: with 0 when \
      it finished, 70 when it failed, 75 when it was stopped. Steps are logged every log.every_steps; between two lines it \
      says how long ago the last one was.
      """)

  @Argument(help: "The run directory.", completion: .directory)
  var directory: String
  @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
  var every = 1.0
  @Flag(help: "Wait for a run that was stopped to go on, as a queue lets it, until it has finished.")
  var wait = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard (0.1...3600).contains(every) else { throw ValidationError("--every must be 0.1 to 3600, not \(every)") }
  }

  func run() throws {
    try reportingFailures {
      let run = RunDirectory(path: directory)
      guard (try? run.checkStanding()) != nil else {
        // Says what it is instead.
        _ = try run.record()
        throw InputError("\(directory) is not a run directory; give the --out of precise train")
      }
      try RunWatch(run, every: every, waits: wait, outputOptions.console).follow()
    }
  }
}

/// Follows a run directory until its training has ended.
private final class RunWatch {
  private let directory: RunDirectory
  private let every: Double
  private let waits: Bool
  private let console: Console
  private let follower: RunFollower
  private var pace: DrawingPace
  /// Evaluations and ends that have been told, by phase.
  private var told: [String: Int] = [:]
  private var restarts = 0
  private var unreadable = 0
  /// When the run began, by its first line.
  private var began: Double?
  private var beginning: Double? { follower.history.phases.first?.begins.first?.time }
  private var isWaiting = false

  init(_ directory: RunDirectory, every: Double, waits: Bool, _ console: Console) {
    (self.directory, self.every, self.waits, self.console) = (directory, every, waits, console)
    follower = RunFollower(path: directory.metricsPath)
    pace = DrawingPace(isTerminal: console.isTerminal, from: ProgressBar.steadyClock())
  }

  func follow() throws {
    while true {
      // Asked in this order, and before the look: a job locks a run before it exists, and writes its end before it leaves.
      let exists = directory.exists
      let isHeld = RunState.isHeld(directory, follower.history)
      _ = try follower.look()
      tellNews()
      guard isHeld || !exists || waits, try !hasFinished(isHeld, exists) else { break }
      if isHeld {
        show()
      } else {
        wait(exists ? "for the training in \(directory.path) to go on" : "for a training to begin in \(directory.path)")
      }
      usleep(UInt32(every * 1e6))
    }
    console.screen.clear()
    try end()
  }

  private func hasFinished(_ isHeld: Bool, _ exists: Bool) throws -> Bool {
    guard waits, exists, !isHeld else { return false }
    let state = RunState(directory, try ConfigReader.read(file: directory.configPath), follower.history)
    return state == .finished || state == .partlyTrained
  }

  private func wait(_ what: String) {
    console.screen.clear()
    if !isWaiting { console.note("waiting \(printable(what))") }
    isWaiting = true
  }

  private func show() {
    isWaiting = false
    let now = ProgressBar.steadyClock()
    guard let progress = follower.history.progress(now: WallClock.seconds()) else { return }
    if console.isTerminal { return console.screen.show(progress.lines(columns: console.width - 1)) }
    guard pace.isDue(now) else { return }
    pace.note(now)
    console.note(progress.line)
  }

  /// Tells evaluations and ends that have come since the last look.
  private func tellNews() {
    if follower.restarts > restarts {
      (restarts, told) = (follower.restarts, [:])
      let isSame = began == nil || began == beginning
      console.note(isSame ? "the run went on from a checkpoint" : "the run was replaced by another one")
    }
    began = beginning ?? began
    if follower.history.unreadable > unreadable {
      unreadable = follower.history.unreadable
      console.note("warning: \(HumanFormat.count(unreadable, "line")) of \(printable(directory.metricsPath)) cannot be read")
    }
    for phase in follower.history.phases {
      for entry in phase.evaluations.dropFirst(told[phase.name] ?? 0) { console.note(printable(entry.record.sentence)) }
      told[phase.name] = phase.evaluations.count
    }
  }

  /// The last words: what became of the run; also its exit code.
  private func end() throws {
    let config = try ConfigReader.read(file: directory.configPath)
    let state = RunState(directory, config, follower.history)
    for phase in follower.history.phases {
      guard let end = phase.end?.record else { continue }
      let value = end.value.map { ", \(end.metric ?? "") \(HumanFormat.decimal($0, 4))" } ?? ""
      let start = end.startValue.map { ", \(HumanFormat.decimal($0, 4)) at its start" } ?? ""
      console.result("\(printable(phase.name)): result: step \(HumanFormat.count(end.resultStep))\(printable(value))\(start)")
    }
    console.result("\(printable(directory.path)): \(printable(state.sentence))")
    switch state {
    case .failed: throw PreciseExit.fault
    case .stopped, .empty: throw PreciseExit.stopped
    case .finished, .partlyTrained, .running: break
    }
  }
}
