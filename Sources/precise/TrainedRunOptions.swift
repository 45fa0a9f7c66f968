import ArgumentParser
import Reporting
import Serving
import Training

/// Which trained phase a command serves from: shared by export, recommend and score.
struct TrainedRunOptions: ParsableArguments {
  @Argument(help: "The run directory.")
  var directory: String
  @Option(help: ArgumentHelp("The phase; default: the last that is trained.", valueName: "name"))
  var phase: String?
  @Option(help: ArgumentHelp("The data set, when it has moved since training.", valueName: "folder"))
  var data: String?

  /// Loads the phase and says which it is.
  func load(_ console: Console) throws -> ServedModel {
    let served = try ServedModel(try TrainedRun(path: directory, data: data), phase: phase)
    console.note("phase \(served.plan.name), step \(HumanFormat.count(served.step)), width \(served.width)")
    return served
  }
}
