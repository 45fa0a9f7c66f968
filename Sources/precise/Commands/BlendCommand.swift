import ArgumentParser
import Collectives
import Config
import Datasets
import Evaluation
import Files
import Reporting
import Runs
import Training

/// `precise blend`: fits anew how a trained phase's scores are blended with the text of items.
struct BlendCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "blend",
    abstract: "Fits anew how a run's scores are blended with text.",
    discussion: """
      Example:
        precise blend run/ --set cold_start.cost=0.1

      Training does this at the end of each phase. Here it is done again, for runs of earlier versions, after the data set was encoded \
      anew, or with other settings: --set takes keys below cold_start, and evaluation.select_by, evaluation.filter_seen and model.fusion. \
      Nothing is trained; weights are fitted on the validation events and written into the checkpoint that is the phase's result.
      """)

  /// Keys, or sections, that may differ from those of the run.
  private static let keys = ["cold_start.", "evaluation.select_by=", "evaluation.filter_seen=", "model.fusion="]

  @Argument(help: "The run directory.", completion: .directory)
  var directory: String
  @Option(help: ArgumentHelp("The phase; default: all that are trained.", valueName: "name"), completion: .trainedPhases)
  var phase: String?
  @Option(help: ArgumentHelp("The data set, when it has moved since training.", valueName: "folder"), completion: .directory)
  var data: String?
  @Option(
    name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"),
    completion: .keys(beginning: BlendCommand.keys))
  var overrides: [String] = []
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if let other = overrides.first(where: { text in !Self.keys.contains { text.hasPrefix($0) } }) {
      throw ValidationError("--set takes keys that a blend depends on here, not \(other): what was trained stays as it is")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let trained = try TrainedRun(path: directory, data: data, overrides: completeOverrides)
      // Rank 0 of a launcher's ranks alone writes, and holds the lock for all of them.
      try rankOptions.run(
        atMost: trained.dataset.shardCount, byHost: trained.config.compute.byHost, console: console
      ) { [self] in try blend(trained, $0, $1) }
    }
  }

  /// A cost that is asked for is not to yield to a number of events that the run was trained with.
  private var completeOverrides: [String] {
    func sets(_ key: String) -> Bool { overrides.contains { $0.hasPrefix("cold_start.\(key)=") } }
    return sets("cost") && !sets("pseudo_count") ? overrides + ["cold_start.pseudo_count=null"] : overrides
  }

  private func blend(_ trained: TrainedRun, _ communicator: any Communicator, _ console: Console) throws {
    let lock = communicator.rank == 0 ? try RunLock(trained.directory) : nil
    if let warning = lock?.warning { console.note("warning: \(warning)") }
    try withExtendedLifetime(lock) {
      try trained.agree(communicator)
      let plans = phase == nil ? try trained.trainedPhases : [try trained.phase(named: phase)]
      guard !plans.isEmpty else { throw InputError("\(directory) holds no checkpoint; train it first") }
      for plan in plans {
        let fit = try BlendStep.refit(plan, of: trained, communicator: communicator)
        guard communicator.rank == 0 else { continue }
        console.result(fit.map { "\(plan.name): \($0)" } ?? "\(plan.name): there is nobody to fit on, so it stays as it is")
      }
    }
  }
}
