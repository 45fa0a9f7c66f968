import ArgumentParser
import Glibc

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
    ])

  /// Where the process begins.
  static func main() {
    // A terminal or log that is gone must not end a training; results without a reader end the command where they are written.
    signal(SIGPIPE, SIG_IGN)
    main(nil)
  }
}
