import ArgumentParser

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
    ])
}
