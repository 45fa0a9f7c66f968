import ArgumentParser
import Foundation
import Reporting
import Supervision

/// `precise launch`: starts a training, and starts it again from its last checkpoint when it dies.
struct LaunchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch",
    abstract: "Starts a training, and starts it again when it dies.",
    discussion: """
      Examples:
        precise launch --restarts 5 -- mpirun -n 4 precise train --config Configs/demo.yaml --data dataset/ --out run/
        precise launch -- precise train --config Configs/demo.yaml --data dataset/ --out run/

      The first start is the command as it stands. Each further one has --resume in place of --overwrite behind its `precise train`, \
      so it goes on from the newest whole checkpoint in --out; a command without these two words is started again as it stands. \
      What a start leaves running is ended before the next. It gives up when the restarts are used up, on a wrong command line or \
      configuration (64), on input that is refused before this start has made a step (65), when a step fails that has failed before, \
      and when the job dies three times without getting any further.

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
        policy: RestartPolicy(restarts: restarts, backoff: backoff),
        command: { start in
          if start == 1 && !training.isTraining {
            console.note("launch: it has no words `precise train`, so it is started again as it stands, without --resume")
          }
          return training.begin(start)
        }, position: training.end, note: { console.note("launch: \($0)") })
      do {
        return try supervisor.run()
      } catch let failure as StartFailure {
        throw CommandFailure(PreciseExit.usage, "\(failure)")
      }
    }
    if status != 0 { throw ExitCode(status) }
  }
}
