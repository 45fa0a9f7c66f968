import ArgumentParser
import CHost
import CVersion
import Collectives
import Files
import Foundation
import Host
import Reporting

/// A command that many ranks share; any other runs in one process.
protocol RankCommand: ParsableCommand {}

@main
struct Precise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precise", abstract: "Pre-trains sequential recommenders.", version: String(cString: cversion_text()),
    groupedSubcommands: [
      CommandGroup(name: "Data", subcommands: [SynthCommand.self, PrepareCommand.self, EncodeCommand.self]),
      CommandGroup(
        name: "Training",
        subcommands: [ConfigCommand.self, CheckCommand.self, TrainCommand.self, LaunchCommand.self, AblateCommand.self]),
      CommandGroup(
        name: "Evaluation and use",
        subcommands: [
          EvaluateCommand.self, BlendCommand.self, RecommendCommand.self, ScoreCommand.self, ExportCommand.self,
          IndexCommand.self,
        ]),
      CommandGroup(
        name: "Inspection",
        subcommands: [
          InspectCommand.self, WatchCommand.self, ReportCommand.self, CompareCommand.self, BenchCommand.self, DoctorCommand.self,
        ]),
    ])

  /// Files are replaced and never changed by us; a copy onto them, or a disk that fails, may cut them while they are read.
  private static let missingPage: StaticString =
    "precise: a file of the data set, the run or the input was cut short, or its disk failed, while it was read; put it back and start again\n"

  /// Where the process begins.
  static func main() {
    // A terminal or log that is gone must not end a training; results without a reader end the command where they are written.
    signal(SIGPIPE, SIG_IGN)
    // A limit on the size of files is an error of the write that meets it.
    signal(SIGXFSZ, SIG_IGN)
    chost_end_on_missing_page(
      UnsafeRawPointer(missingPage.utf8Start).assumingMemoryBound(to: CChar.self), PreciseExit.badInput.rawValue)
    do {
      try reportingFailures { try refuseUnreadableArguments() }
      var command = try parseAsRoot(Array(CommandLine.arguments.dropFirst()).withNegativeNumbersJoined)
      Memory.begin(.work(of: command))
      try reportingFailures { try refuseCrowd(command) }
      // A training saves first, and who supervises trainings passes signals on.
      if !(command is TrainCommand || command is LaunchCommand || command is AblateCommand) {
        let words = StopWords(of: command)
        StopCleanup.begin { StandardError.end(words.sentence(signal: $0, left: $1)) }
      }
      try command.run()
    } catch {
      exit(withError: error)
    }
  }

  /// An argument that is not UTF-8 would be read as another word, and that may be the id of another user.
  private static func refuseUnreadableArguments() throws {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let word = CommandLine.unsafeArgv[index], String(validatingCString: word) == nil else { continue }
      throw CommandFailure(PreciseExit.usage, "argument \(index), \(String(cString: word)), is not UTF-8; write it in UTF-8")
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

extension MemoryPurpose {
  /// What a command takes memory for where nothing more is known.
  static func work(of command: any ParsableCommand) -> MemoryPurpose {
    switch command {
    case is SynthCommand: MemoryPurpose("the made-up world", remedy: "lower --users or --items, or give it more memory")
    case is PrepareCommand: MemoryPurpose("ids, texts and events", remedy: "lower --memory, or give it more")
    case is EncodeCommand: MemoryPurpose("token states", remedy: "lower --tokens or --dim, or give it more memory")
    case is TrainCommand: MemoryPurpose("a training", remedy: "see what precise check says of it, and give it more")
    case is EvaluateCommand, is ExportCommand, is IndexCommand, is RecommendCommand, is ScoreCommand, is ReportCommand,
      is CompareCommand:
      MemoryPurpose("the model and the data set", remedy: "use more hosts, or give it more memory")
    case is BenchCommand, is CheckCommand:
      MemoryPurpose("the configuration's steps", remedy: "lower batch.users or bench.items, or give it more memory")
    default: MemoryPurpose("its work", remedy: "give it more memory")
    }
  }
}
