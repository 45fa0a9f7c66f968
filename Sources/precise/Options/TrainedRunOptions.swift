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
  @Option(
    help: ArgumentHelp(
      "The data set, when it has moved since training; or a newer one that was appended to it, on which the model is used as it is.",
      valueName: "folder"), completion: .directory)
  var data: String?
  @Option(
    help: ArgumentHelp(
      "The data set that the run was trained on, when it has moved and --data is a newer one.", valueName: "folder"),
    completion: .directory)
  var trainedOn: String?
  @Option(
    help: ArgumentHelp(
      "When users are recommended to, for a model with model.time: request; default: the data set's newest event of all.",
      valueName: "time"), transform: { text in try usage { try RequestTime(text) } })
  var at: RequestTime?

  func validate() throws {
    guard trainedOn == nil || data != nil else { throw ValidationError("--trained-on goes with --data, the newer data set") }
  }

  /// Opens the run, on its own data set or a newer one.
  func open() throws -> TrainedRun {
    try TrainedRun(path: directory, data: data, trainedOn: trainedOn, allowsNewer: true)
  }

  /// Loads the phase of a run and says which it is.
  ///
  /// Collective; with `mayStream`, a catalogue that does not fit the configured memory is streamed.
  ///
  /// - Parameter events: events beside those of the data set, before which nobody is recommended to.
  func load(
    _ run: TrainedRun, _ console: Console, on communicator: any Communicator = SoloCommunicator(), events: FreshEvents? = nil,
    mayStream: Bool = false
  ) throws -> ServedModel {
    let served = try ServedModel(
      run, phase: phase, at: at, notBefore: events?.newest, communicator: communicator, mayStream: mayStream)
    if let lineage = run.lineage { console.note(Self.sentence(lineage)) }
    let asked = served.requestTime.map { ", request at \($0)" } ?? ""
    console.note("phase \(served.plan.name), step \(HumanFormat.count(served.step)), width \(served.width)\(asked)")
    return served
  }

  /// What a model knows of a data set that came later.
  static func sentence(_ lineage: Lineage) -> String {
    "on a newer data set: \(HumanFormat.count(lineage.known, "known item")), \(HumanFormat.count(lineage.new)) new to the model, "
      + "\(HumanFormat.count(lineage.gone)) gone"
  }
}
