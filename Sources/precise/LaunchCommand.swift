import ArgumentParser
import Foundation
import Reporting
import Supervision
import Training

/// `precise launch`: starts a training, and starts it again from its last checkpoint when it dies.
struct LaunchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch",
    abstract: "Starts a training, and starts it again when it dies.",
    discussion: """
      Examples:
        precise launch --restarts 5 -- mpirun -n 4 precise train --config Configs/demo.yaml --data dataset/ --out run/
        precise launch -- precise train --config Configs/demo.yaml --data dataset/ --out run/

      The first start is the command as it stands. Each further one has --resume in place of --overwrite, so it goes on from the \
      newest whole checkpoint in --out. It gives up when the restarts are used up, on a wrong command line or configuration (64), on \
      input that is refused before any step (65), when a step fails that has failed before, and when the job dies three times \
      without getting any further.

      SIGTERM, SIGINT (Ctrl-C), SIGHUP and SIGUSR1 are passed on as SIGUSR1: the ranks save and end with 75, and so does this \
      command. A second one ends them at once. No shell takes part: give a program and its arguments after --.
      """)

  @Option(help: ArgumentHelp("How often the command may be started again.", valueName: "n"))
  var restarts = 3
  @Option(
    help: ArgumentHelp(
      "Seconds before a restart, doubled while the job gets no further, 300 at most.", valueName: "seconds"))
  var backoff = 2.0
  @OptionGroup var outputOptions: OutputOptions
  @Argument(parsing: .postTerminator, help: "The program and its arguments.")
  var command: [String] = []

  func validate() throws {
    guard !command.isEmpty else {
      throw ValidationError("give the command behind --, as in: precise launch -- precise train ...")
    }
    guard (0...1_000_000).contains(restarts) else { throw ValidationError("--restarts must be 0 to 1000000, not \(restarts)") }
    guard (0...300).contains(backoff) else { throw ValidationError("--backoff must be 0 to 300 seconds, not \(backoff)") }
  }

  func run() throws {
    let console = outputOptions.startConsole()
    let training = SupervisedTraining(command)
    let status = try reportingFailures {
      var supervisor = Supervisor(
        policy: RestartPolicy(restarts: restarts, backoff: backoff), command: training.words, place: training.end,
        note: { console.note("launch: \($0)") })
      do {
        return try supervisor.run()
      } catch let failure as StartFailure {
        throw CommandFailure(PreciseExit.usage, "\(failure)")
      }
    }
    if status != 0 { throw ExitCode(status) }
  }
}

/// The command of a training, as its supervisor sees it: how to start it again, and how far it has come.
struct SupervisedTraining {
  private let command: [String]

  init(_ command: [String]) { self.command = command }

  /// The words of a start; from the second on, `precise train` goes on from what is there.
  func words(_ start: Int) -> [String] {
    guard start > 0, let train = command.dropFirst().firstIndex(of: "train") else { return command }
    var words = command
    if !words.contains("--resume") { words.insert("--resume", at: train + 1) }
    return words.filter { $0 != "--overwrite" }
  }

  /// What the run directory says of the start that has just ended.
  func end(_ status: Int32) -> RestartPolicy.End {
    guard let output else { return .init(status: status, failed: nil, reached: nil) }
    let directory = RunDirectory(path: output)
    let failure = FailureRecord.read(directory)
    let failed = failure?.phase.flatMap { phase in failure?.step.map { RestartPolicy.Place(phase: phase, step: $0) } }
    let reached = MetricsLog.lastPlace(path: directory.metricsPath).map { RestartPolicy.Place(phase: $0.phase, step: $0.step) }
    return .init(status: status, failed: failed, reached: reached)
  }

  /// The run directory that the command names.
  var output: String? {
    for (place, word) in command.enumerated() {
      if word == "--out", place + 1 < command.count { return command[place + 1] }
      if word.hasPrefix("--out=") { return String(word.dropFirst("--out=".count)) }
    }
    return nil
  }
}
