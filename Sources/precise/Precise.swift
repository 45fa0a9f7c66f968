import ArgumentParser
import Collectives
import Files
import Foundation
import Memory

/// A command that many ranks share; any other runs in one process.
protocol RankCommand: ParsableCommand {}

@main
struct Precise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precise", abstract: "Pre-trains sequential recommenders.", version: "0.1.0",
    subcommands: [
      SynthCommand.self,
      PrepareCommand.self,
      EncodeCommand.self,
      TrainCommand.self,
      EvaluateCommand.self,
      ExportCommand.self,
      RecommendCommand.self,
      ScoreCommand.self,
      BenchCommand.self,
      InspectCommand.self,
      CheckCommand.self,
      DoctorCommand.self,
      LaunchCommand.self,
    ])

  /// Where the process begins.
  static func main() {
    // A terminal or log that is gone must not end a training; results without a reader end the command where they are written.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      Memory.begin(.work(of: command))
      try reportingFailures { try refuseCrowd(command) }
      // A training saves first, and its supervisor passes signals on.
      if !(command is TrainCommand || command is LaunchCommand) { StopCleanup.begin() }
      try command.run()
    } catch {
      exit(withError: error)
    }
  }

  /// A launcher's many processes would each do the whole of a command that is not made for ranks, into the same files.
  private static func refuseCrowd(_ command: any ParsableCommand) throws {
    guard let launch = Launch.detect(ProcessInfo.processInfo.environment), launch.size ?? 2 > 1, !(command is any RankCommand),
      configuration.subcommands.contains(where: { $0 == type(of: command) })
    else { return }
    let name = type(of: command).configuration.commandName ?? ""
    throw CommandFailure(
      PreciseExit.usage, "precise \(name) runs in one process; \(launch.launcher.rawValue) started several: leave it out")
  }
}
