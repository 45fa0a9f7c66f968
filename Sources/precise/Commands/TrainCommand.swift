import ArgumentParser
import Collectives
import Config
import Datasets
import Files
import Foundation
import Reporting
import Runs
import Synchronization
import Tensors
import Texts
import Training

/// `precise train`: a data set and a configuration in, a run directory out.
struct TrainCommand: RankCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains the universal phase, then each targeted phase.",
    discussion: """
      Examples:
        precise train --config Configs/demo.yaml --data dataset/ --out run/
        precise train --config Configs/demo.yaml --data dataset/ --out run/ --set universal.epochs=3
        precise train --config Configs/demo.yaml --data dataset/ --out run/ --resume
        precise train --config Configs/demo.yaml --data dataset-today/ --out run-today/ --from run/ --resume
        precise train --config Configs/demo.yaml --data dataset/ --out run/ --phase targeted
        precise train --config Configs/demo.yaml --data dataset/ --out run/ --trace run/trace/
        mpirun -n 4 precise train --config Configs/demo.yaml --data dataset/ --out run/

      SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 end a training after its step and a checkpoint, with exit code 75; --resume goes on \
      from the newest whole checkpoint, on any number of ranks, and begins where there is none: a job script may always give it. \
      mpirun passes SIGUSR1 on; at Ctrl-C or SIGTERM it gives its ranks a second and ends with 1, unless precise launch starts it.

      Before anything is written, every file that is trained on is read and compared with its checksum.

      With --from a new run begins with the universal phase of another: dense parameters, rows of the items that it knows \
      and their optimizers' state, over a data set that has grown (precise prepare --append). The model's extents must be the \
      same, learning rates and epochs need not. Given with --resume, it counts only while the run has no checkpoint of its own.

      The run directory gets config.yaml, metrics.jsonl, evaluation.json, TensorBoard events and checkpoints/. With \
      --phase, only that phase is trained; a targeted phase starts from the universal phase's checkpoint in --out.
      """)

  @Option(help: ArgumentHelp("The configuration.", valueName: "file"), completion: .configuration)
  var config: String
  @Option(help: ArgumentHelp("The data set that precise prepare made.", valueName: "folder"), completion: .directory)
  var data: String
  @Option(name: .customLong("out"), help: ArgumentHelp("The run directory.", valueName: "folder"), completion: .directory)
  var output: String
  @Option(
    name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"),
    completion: .keys())
  var overrides: [String] = []
  @Option(
    help: ArgumentHelp("Train only universal, targeted (all of them), or the targeted phase of this name.", valueName: "phase"),
    completion: .configuredPhases)
  var phase: String?
  @Flag(help: "Go on from the newest whole checkpoint in --out; begin where there is none.")
  var resume = false
  @Option(
    help: ArgumentHelp(
      "Begin with the numbers of a universal phase's checkpoint, or of a run's universal phase.", valueName: "folder"),
    completion: .directory)
  var from: String?
  @Flag(help: "With --from, leave items behind that the data set lacks.")
  var dropGoneItems = false
  @Flag(help: "Train into a run directory that holds another run, which is lost; with a targeted --phase, only that phase is.")
  var overwrite = false
  @OptionGroup var traceOptions: TraceOptions
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard !(resume && overwrite) else { throw ValidationError("--resume and --overwrite exclude each other") }
    guard from != nil else {
      guard !dropGoneItems else { throw ValidationError("--drop-gone-items goes with --from") }
      return
    }
    guard phase == nil || phase == "universal" else {
      throw ValidationError("--from is what the universal phase begins with; a targeted phase starts from the one in --out")
    }
  }

  func run() throws {
    try reportingFailures {
      StopSignal.listen()
      let console = outputOptions.startConsole()
      try checkPlaces()
      let config = try ConfigReader.read(file: config, overrides: overrides)
      try checkPhase(config)
      let dataset = try Dataset(path: data)
      try checkConfiguration(config, dataset, file: self.config)
      let states = try ModelFactory.tokenStates(config, dataset)
      // Read when a phase is trained; what is wrong with them is said before.
      _ = try ModelFactory.textVectors(config, dataset)
      let directory = RunDirectory(path: output)
      let start = from.map { StartingPoint(path: $0, dropsGoneItems: dropGoneItems) }
      // A run that goes on may have outlived what it began with.
      if !(resume && directory.exists) { try start?.check(config, dataset, states) }
      let trace = try traceOptions.folder()
      let outcome = Mutex(Trainer.Outcome.finished)
      let most = min(dataset.shardCount, config.batch.users)
      try rankOptions.run(atMost: most, byHost: config.compute.byHost, console: console) { [self] communicator, console in
        try agree(communicator, config, dataset, states)
        try trace?.check(ranks: communicator.size)
        let lengths = try PhasePlan.checkUsers(config, dataset, only: phase, communicator: communicator) { console.note($0) }
        if communicator.rank == 0 {
          try refuseBeyondMemory(communicator, config, dataset, only: phase, file: self.config, console)
        }
        try DatasetVerification(dataset, states).run(communicator) { if StopSignal.isRequested { throw StoppedEarly() } }
        let lock = communicator.rank == 0 ? try open(directory, config, dataset, states) : nil
        defer { withExtendedLifetime(lock) {} }
        try communicator.barrier()
        try RankOptions.introduce(communicator, console)
        if let warning = lock?.warning { console.note("warning: \(warning)") }
        let inputs = Trainer.Inputs(dataset: dataset, states: states, directory: directory, lengths: lengths, lock: lock)
        let view = TrainingView(config: config, dataset: dataset, states: states, lengths: lengths, output: output)
        let (end, outcomes) = try recordingFailure(communicator, directory, lock) {
          try trace.record(communicator, console) {
            let trainer = try Trainer(config, inputs, communicator: communicator, console: console)
            if communicator.rank == 0 {
              for line in try view.start(communicator, precision: trainer.precision) { console.note(line, indent: 8) }
            }
            return (try trainer.run(only: phase, resuming: resume, from: start), trainer.outcomes)
          }
        }
        outcome.withLock { $0 = end }
        guard end == .finished else {
          console.note(sentence(end))
          if Launch.detect(ProcessInfo.processInfo.environment) == nil {
            NextCommands.lines([again]).forEach { console.note($0) }
          }
          return
        }
        for line in view.end(outcomes, columns: console.isTerminal ? console.width : .max) { console.note(line) }
      }
      if outcome.withLock({ $0 != .finished }) { throw PreciseExit.stopped }
    }
  }

  /// Throws when --phase names no phase: said before anything is opened.
  private func checkPhase(_ config: RunConfig) throws {
    let names = ["universal"] + config.targeted.map(\.name)
    guard let phase, !(names + ["targeted"]).contains(phase) || phase == "targeted" && names.count == 1 else { return }
    throw CommandFailure(
      PreciseExit.usage, "no phase is named \(phase); the configuration has \(names.joined(separator: ", "))")
  }

  /// What a rank prints may be lost on its way through a launcher; the run directory keeps it.
  private func recordingFailure<Result>(
    _ communicator: any Communicator, _ directory: RunDirectory, _ lock: RunLock?, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch {
      // Another run may stand there by now.
      if lock?.isInPlace ?? true { FailureRecord(communicator, error)?.write(to: directory) }
      throw error
    }
  }

  /// The command that goes on: this one, with --resume.
  private var again: String {
    let words = CommandLine.arguments.dropFirst().filter { $0 != "--overwrite" }
    return (["precise"] + words.map(shellWord) + (words.contains("--resume") ? [] : ["--resume"])).joined(separator: " ")
  }

  private func sentence(_ end: Trainer.Outcome) -> String {
    guard case .stopped(let phase, let step) = end else { return "" }
    return "stopped by \(StopSignal.name ?? "a signal") after step \(step) of \(phase), which is kept; go on with --resume"
  }

  /// Throws when this rank has read another configuration or data set than rank 0: each host has its own copy of a file.
  private func agree(
    _ communicator: any Communicator, _ config: RunConfig, _ dataset: Dataset, _ states: TokenStates?
  ) throws {
    let own = ConfigWriter.text(config) + dataset.manifest.checksum + (states?.checksum ?? "")
    guard try communicator.broadcast(own) != own else { return }
    throw InputError("\(self.config) or \(data) is not what rank 0 has read; give every host the same files")
  }

  /// Throws when the run and what it is made of would lie in each other.
  private func checkPlaces() throws {
    let run = CanonicalPath(output)
    for (flag, path) in [("--data", data), ("--config", config), ("--from", from)] {
      guard let path, case let input = CanonicalPath(path), input.isInside(run) || run.isInside(input) else { continue }
      throw CommandFailure(
        PreciseExit.usage,
        flag == "--from"
          ? "--from must be another run than --out; to go on with that one give --resume"
          : "\(flag) and --out must not lie in each other (\(path), \(output)); name another folder with --out")
    }
  }

  /// Makes the run directory this job's.
  private func open(_ directory: RunDirectory, _ config: RunConfig, _ dataset: Dataset, _ states: TokenStates?) throws -> RunLock
  {
    let record = RunDirectory.Record(
      dataset: URL(fileURLWithPath: data).standardizedFileURL.path, checksum: dataset.manifest.checksum,
      tokenStates: states?.checksum)
    return try RunOpening(
      directory, config: config, configFile: self.config, record: record, selection: phase,
      intent: resume ? .resume : overwrite ? .overwrite : .begin
    ).open()
  }
}
