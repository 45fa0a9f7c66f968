import ArgumentParser
import Collectives
import Config
import Datasets
import Evaluation
import Files
import Reporting
import Runs

/// `precise evaluate`: full-ranking metrics of a run's phases.
struct EvaluateCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Ranks every user's held-out item among all items.",
    discussion: """
      Example:
        precise evaluate run/ --split test --per-user ranks.csv.gz

      Prints tables and records the metrics, with the protocol they were measured by, in evaluation.json. A targeted \
      phase is evaluated on the users whose held-out event belongs to its target, with the universal phase on the same users \
      beside it. Means have their standard error behind ±. Rows are all users, those by how often their held-out item was trained \
      on, and where there are several, those by its scene and behavior.

      With --data a newer data set, as prepare --append makes it, the run is measured as it is on that one's held-out events: what \
      yesterday's model is worth today. Nothing is recorded then.

      The same users are ranked by popularity (training events), by text search (items like the last one, when the data set is \
      encoded) and by their own history (most often, then last had first; all others by popularity).
      """)

  @Argument(help: "The run directory.", completion: .directory)
  var directory: String
  @Option(help: ArgumentHelp("The phase; default: all that are trained.", valueName: "name"), completion: .trainedPhases)
  var phase: String?
  @Option(
    help: "Which held-out event: validation or test.", completion: .values(of: EvaluationTask.Split.self),
    transform: EvaluationTask.Split.parse)
  var split = EvaluationTask.Split.test
  @Option(
    help: ArgumentHelp(
      "The data set, when it has moved since training; or a newer one that was appended to it, on whose held-out events the run is measured.",
      valueName: "folder"), completion: .directory)
  var data: String?
  @Option(
    help: ArgumentHelp(
      "The data set that the run was trained on, when it has moved and --data is a newer one.", valueName: "folder"),
    completion: .directory)
  var trainedOn: String?
  @Flag(inversion: .prefixedNo, help: "Rank by popularity, text search and own history, too.")
  var baselines = true
  @Option(help: ArgumentHelp("Write each user's rank and metrics, as csv (.gz).", valueName: "file"), completion: .file())
  var perUser: String?
  @Flag(help: "Replace a file that stands at --per-user.")
  var overwrite = false
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Overrides a key below evaluation; may be given again.", valueName: "key=value"),
    completion: .keys(beginning: ["evaluation."]))
  var overrides: [String] = []
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    if perUser == "-" { throw ValidationError("--per-user writes a file: standard output is for the metrics") }
    guard trainedOn == nil || data != nil else { throw ValidationError("--trained-on goes with --data, the newer data set") }
    if overwrite && perUser == nil { throw ValidationError("--overwrite goes with --per-user") }
    if let other = overrides.first(where: { !$0.hasPrefix("evaluation.") }) {
      throw ValidationError("--set takes keys below evaluation here, not \(other): what was trained stays as it is")
    }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let trained = try TrainedRun(
        path: directory, data: data, trainedOn: trainedOn, allowsNewer: true, overrides: overrides)
      if let lineage = trained.lineage { console.note(TrainedRunOptions.sentence(lineage)) }
      try checkOutput(trained)
      try rankOptions.run(
        atMost: trained.dataset.shardCount, byHost: trained.config.compute.byHost, console: console
      ) { [self] in try evaluate(trained, $0, $1) }
    }
  }

  /// Throws when each user's ranks would replace what they are made of.
  private func checkOutput(_ run: TrainedRun) throws {
    guard let perUser else { return }
    let location = CanonicalPath(perUser)
    guard run.directory.owns(location) || location.isInside(CanonicalPath(run.dataset.path)) else { return }
    throw CommandFailure(
      PreciseExit.usage, "--per-user \(perUser) is a file of the run or the data set; name a file of its own")
  }

  private func evaluate(_ trained: TrainedRun, _ communicator: any Communicator, _ console: Console) throws {
    try trained.agree(communicator)
    let plans = phase == nil ? try trained.trainedPhases : [try trained.phase(named: phase)]
    guard !plans.isEmpty else { throw InputError("\(directory) holds no checkpoint; train it first") }
    let users = try perUser.map { try UserRankFile(path: $0, overwrite: overwrite, trained, communicator: communicator) }
    let evaluation = RunEvaluation(trained, baselines: baselines, communicator: communicator)
    var entries: [EvaluationRecord.Entry] = []
    for plan in plans {
      let bar = ProgressBar("evaluating \(plan.name)", total: nil, unit: "user", console: console)
      entries += try evaluation.evaluate(plan, split, users: users) { bar.advance(by: $0) }
      bar.finish()
    }
    try users?.commit()
    guard communicator.rank == 0 else { return }
    json ? printJSON(entries, console) : entries.flatMap { EvaluationView($0).lines + [""] }.forEach(console.result)
    console.note(
      trained.lineage == nil
        ? "recorded in \(trained.directory.evaluationPath)"
        : "not recorded: evaluation.json is about the data set that the run was trained on")
    if let perUser { console.note("each user's ranks are in \(perUser)") }
    let next = try NextCommands.recommend(directory, trained.dataset, data: data)
    NextCommands.lines(next).forEach { console.note($0) }
  }

  private func printJSON(_ entries: [EvaluationRecord.Entry], _ console: Console) {
    let phases = Dictionary(grouping: entries, by: \.phase)
    let names = entries.map(\.phase).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let fields = names.map { name in
      JSONValue.Field(name, .object((phases[name] ?? []).map { .init($0.split, $0.json) }))
    }
    console.result(JSONValue.object(fields).indented)
  }
}
