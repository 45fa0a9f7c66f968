import ArgumentParser

@main
struct Precise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precise", abstract: "Pre-trains sequential recommenders.",
    subcommands: [
      SynthCommand.self,
      PrepareCommand.self,
      EncodeCommand.self,
      TrainCommand.self,
      EvaluateCommand.self,
      BenchCommand.self,
      InspectCommand.self,
    ])
}
