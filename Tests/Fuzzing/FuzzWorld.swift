import Collectives
import Config
import Datasets
import Evaluation
import Files
import Foundation
import Preparation
import Reporting
import Runs
import TestSupport
import Texts
import Training

/// A data set and a run of the smallest size, made by the real writers: what surrounds the one file that is damaged.
struct FuzzWorld {
  let folder: TemporaryFolder
  var datasetPath: String { folder.file("dataset") }
  var runPath: String { folder.file("run") }

  init(_ folder: TemporaryFolder) { self.folder = folder }

  /// Events of eight users and items in two scenes.
  static let interactions =
    "user,item,timestamp,scene,behavior\n"
    + (0..<48).map { "u\($0 % 8),i\($0 * 5 % 8),\(100 + $0),\($0 % 3 == 0 ? "shop" : "feed"),\($0 % 2 == 0 ? "view" : "like")\n" }
    .joined()
  /// Their texts.
  static let items = "item,text,scene\n" + (0..<8).map { "i\($0),word\($0) and \"more\",feed\n" }.joined()

  /// Makes the data set, with token states.
  func dataset() throws -> Dataset {
    folder.put("interactions.csv", Array(Self.interactions.utf8))
    folder.put("items.csv", Array(Self.items.utf8))
    var options = PreparationOptions()
    (options.interactions, options.items) = ([folder.file("interactions.csv")], [folder.file("items.csv")])
    (options.output, options.virtualShards, options.minimumUserEvents, options.minimumItemEvents) = (datasetPath, 2, 1, 1)
    _ = try Preparation(options).run()
    let dataset = try Dataset(path: datasetPath)
    let items = DatasetItems(dataset)
    _ = try TokenStatesWriter(folder: datasetPath, itemTableChecksum: items.checksum, tokens: 3, type: .f32)
      .write(HashedSource(items: items, encoder: HashedEncoder(dimension: 2, maxTokens: 3)), items: items)
    return dataset
  }

  /// A configuration whose checkpoints have every kind of file.
  static let configuration = """
    model: {id_dim: 4, semantic_dim: 4, experts: 2, active_experts: 1, layers: 1, heads: 2, length: 4}
    batch: {users: 4}
    universal: {epochs: 1, negatives: 8, token_freeze: 0}
    targeted:
      - {name: like, behavior: like, history: all, epochs: 1, negatives: 8}
    evaluation: {cutoffs: [5], select_by: mrr}
    log: {every_steps: 1, tensorboard: false}

    """

  /// Trains one epoch of each phase and leaves a whole run directory.
  func run() throws -> TrainedRun {
    let dataset = try dataset()
    let config = try ConfigReader.read(text: Self.configuration, name: "config.yaml")
    let directory = RunDirectory(path: runPath)
    try directory.create()
    try directory.write(
      config: ConfigWriter.text(config), record: .init(dataset: dataset.path, checksum: dataset.manifest.checksum))
    let console = Console(verbosity: .quiet, isTerminal: false, output: { _ in }, error: { _ in })
    let inputs = Trainer.Inputs(dataset: dataset, states: try ModelFactory.tokenStates(config, dataset), directory: directory)
    _ = try Trainer(config, inputs, communicator: SoloCommunicator(), console: console) { false }.run()
    let run = try TrainedRun(path: runPath)
    let phase = try run.phase(named: "universal")
    _ = try RunEvaluation(run).evaluate(phase, .test)
    return run
  }
}
