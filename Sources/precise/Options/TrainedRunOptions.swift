import ArgumentParser
import Collectives
import Datasets
import Files
import Reporting
import Runs
import Serving

/// Which trained phase a command serves from: shared by export, recommend and score.
struct TrainedRunOptions: ParsableArguments {
  @Argument(help: "The run directory.", completion: .directory)
  var directory: String
  @Option(help: ArgumentHelp("The phase; default: the last that is trained.", valueName: "name"), completion: .trainedPhases)
  var phase: String?
  @Option(help: ArgumentHelp("The data set, when it has moved since training.", valueName: "folder"), completion: .directory)
  var data: String?
  @Option(
    help: ArgumentHelp(
      "When users are recommended to, for a model with model.time: request; default: the data set's newest event of all.",
      valueName: "time"), transform: { text in try usage { try RequestTime(text) } })
  var at: RequestTime?

  /// Opens the run.
  func open() throws -> TrainedRun { try TrainedRun(path: directory, data: data) }

  /// Loads the phase of a run and says which it is.
  ///
  /// Collective; with `mayStream`, a catalogue that does not fit the configured memory is streamed.
  func load(
    _ run: TrainedRun, _ console: Console, on communicator: any Communicator = SoloCommunicator(), mayStream: Bool = false
  ) throws -> ServedModel {
    let served = try ServedModel(run, phase: phase, at: at, communicator: communicator, mayStream: mayStream)
    let asked = served.requestTime.map { ", request at \($0)" } ?? ""
    console.note("phase \(served.plan.name), step \(HumanFormat.count(served.step)), width \(served.width)\(asked)")
    return served
  }
}
