import ArgumentParser
import Collectives
import Config
import Datasets
import Files
import Foundation
import Kernels
import Reporting
import Text
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
        precise train --config Configs/demo.yaml --data dataset/ --out run/ --phase targeted
        precise train --config Configs/demo.yaml --data dataset/ --out run/ --trace run/trace/
        mpirun -n 4 precise train --config Configs/demo.yaml --data dataset/ --out run/

      The run directory gets config.yaml, metrics.jsonl, evaluation.json, TensorBoard events and checkpoints/. With \
      --phase, only that phase is trained; a targeted phase starts from the universal phase's checkpoint in --out.
      """)

  @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
  var config: String
  @Option(help: ArgumentHelp("The data set that precise prepare made.", valueName: "folder"))
  var data: String
  @Option(name: .customLong("out"), help: ArgumentHelp("The run directory.", valueName: "folder"))
  var output: String
  @Option(name: .customLong("set"), help: ArgumentHelp("Overrides a key; may be given again.", valueName: "key=value"))
  var overrides: [String] = []
  @Option(
    help: ArgumentHelp("Train only universal, targeted (all of them), or the targeted phase of this name.", valueName: "phase"))
  var phase: String?
  @Flag(help: "Train into a run directory that holds another run, which is lost.")
  var overwrite = false
  @OptionGroup var traceOptions: TraceOptions
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func run() throws {
    try reportingFailures {
      let console = outputOptions.startConsole()
      let config = try ConfigReader.read(file: config, overrides: overrides)
      let dataset = try Dataset(path: data)
      try checkConfiguration(config, dataset, file: self.config)
      let states = try ModelFactory.tokenStates(config, dataset)
      let directory = RunDirectory(path: output)
      let trace = try traceOptions.folder()
      let most = min(dataset.shardCount, config.batch.users)
      try rankOptions.run(atMost: most, console: console) { [self] communicator, console in
        try agree(communicator, config, dataset)
        try trace?.check(ranks: communicator.size)
        if communicator.rank == 0 { try prepare(directory, config, dataset) }
        try communicator.barrier()
        try RankOptions.introduce(communicator, console)
        let inputs = Trainer.Inputs(dataset: dataset, states: states, directory: directory)
        try trace.record(communicator, console) {
          try Trainer(config, inputs, communicator: communicator, console: console).run(only: phase)
        }
        console.note("the run is in \(output); next: precise evaluate \(output)")
      }
    }
  }

  /// Throws when this rank has read another configuration or data set than rank 0: each host has its own copy of a file.
  private func agree(_ communicator: any Communicator, _ config: RunConfig, _ dataset: Dataset) throws {
    let own = ConfigWriter.text(config) + dataset.manifest.checksum
    guard try communicator.broadcast(own) != own else { return }
    throw InputError("\(self.config) or \(data) is not what rank 0 has read; give every host the same files")
  }

  /// Makes the run directory; one that holds a run is only taken for a further phase of the same run.
  private func prepare(_ directory: RunDirectory, _ config: RunConfig, _ dataset: Dataset) throws {
    let continues = phase != nil && phase != "universal"
    if directory.exists && !continues {
      guard overwrite else {
        throw InputError("\(output) holds a run already; give another --out, or --overwrite to lose that run")
      }
      try FileManager.default.removeItem(atPath: output)
    }
    if continues && directory.exists, try directory.record().checksum != dataset.manifest.checksum {
      throw InputError("\(output) was trained on another data set than \(data); give that one, or another --out")
    }
    try directory.create()
    let absolute = URL(fileURLWithPath: data).standardizedFileURL.path
    try directory.write(
      config: ConfigWriter.text(config), record: .init(dataset: absolute, checksum: dataset.manifest.checksum))
  }
}
