import Checkpoints
import Collectives
import Config
import Datasets
import Evaluation
import Files
import Foundation
import Model
import Preparation
import Reporting
import Runs
import Synchronization
import Synth
import Tensors
import TestSupport
import Testing
import Texts
import Training

/// A tiny made-up world as a data set with token states, and runs over it.
final class TrainingWorld: Sendable {
  let dataset: Dataset
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    var options = WorldOptions()
    (options.users, options.items, options.scenes, options.behaviors, options.meanEvents) = (120, 60, 2, 2, 14)
    let world = WorldWriter(World(options), folder: folder.path, isGzipped: false)
    _ = try world.write()
    var preparation = PreparationOptions()
    (preparation.interactions, preparation.items) = ([world.interactionsPath], [world.itemsPath])
    (preparation.output, preparation.virtualShards, preparation.minimumItemEvents) = (folder.file("d"), 4, 1)
    _ = try Preparation(preparation).run()
    dataset = try Dataset(path: preparation.output)
    try encode(dataset)
  }

  /// Gives the item with the fewest events token states whose sums overflow; returns its row.
  func poisonRarestItem() throws -> Int {
    let counts = dataset.items.trainCounts
    let rarest = counts.indices.filter { counts[$0] > 0 }.min { counts[$0] < counts[$1] }
    let item = try #require(rarest)
    try encode(dataset) { PoisonedSource(source: $0, item: item) }
    return item
  }

  /// The run directory of a name, made.
  func directory(_ name: String) throws -> RunDirectory {
    let directory = RunDirectory(path: folder.file(name))
    try directory.create()
    return directory
  }

  /// A small configuration; `changes` are overrides as on the command line.
  func config(_ changes: String...) throws -> RunConfig {
    let text = """
      seed: 5
      model: {id_dim: 8, semantic_dim: 8, experts: 2, active_experts: 1, layers: 1, heads: 2, length: 6, dropout: 0.1}
      batch: {users: 32}
      universal: {epochs: 4, negatives: 40, token_freeze: 0.5}
      checkpoint: {every_steps: null}
      evaluation: {cutoffs: [5, 10], select_by: ndcg@10}
      log: {every_steps: 1, tensorboard: false}
      """
    return try ConfigReader.read(text: text, name: "test.yaml", overrides: changes)
  }

  /// The name of a behavior that the world has, not its commonest.
  var behavior: String { dataset.manifest.behaviors.sorted { $0.events > $1.events }[1].name }

  /// Trains a configuration into a folder of that name.
  func train(_ config: RunConfig, into name: String, only phase: String? = nil, ranks: Int = 1) throws -> TrainedRun {
    #expect(try leg(config, of: name, only: phase, ranks: ranks) == .finished)
    return try run(name)
  }

  /// A run by the name of its folder.
  func run(_ name: String) throws -> TrainedRun { try TrainedRun(path: folder.file(name)) }

  /// Trains until the end, or until rank 0 is asked for the n-th time whether it wants to stop.
  func leg(
    _ config: RunConfig, of name: String, on data: Dataset? = nil, from start: StartingPoint? = nil, only phase: String? = nil,
    ranks: Int = 1, resuming: Bool = false, stopAfter asked: Int = .max, says: @escaping @Sendable (String) -> Void = { _ in },
    over wrap: @escaping @Sendable (any Communicator) -> any Communicator = { $0 }
  ) throws -> Trainer.Outcome {
    let (directory, dataset) = (RunDirectory(path: folder.file(name)), data ?? dataset)
    let before = directory.exists ? try directory.record() : nil
    try directory.create()
    try directory.write(
      config: ConfigWriter.text(config),
      record: .init(dataset: dataset.path, checksum: dataset.manifest.checksum, from: before?.from))
    // Given back at the end, though the ranks' threads may last a moment longer.
    let lock = Mutex<RunLock?>(try RunLock(directory))
    defer { lock.withLock { $0 = nil } }
    let console = Console(verbosity: .normal, isTerminal: false, output: { _ in }, error: says)
    let outcome = Mutex(Trainer.Outcome.finished)
    try RankThreads.run(ranks: ranks) {
      let communicator = wrap($0)
      let inputs = Trainer.Inputs(
        dataset: dataset, states: try ModelFactory.tokenStates(config, dataset), directory: directory,
        lock: communicator.rank == 0 ? lock.withLock { $0 } : nil)
      var questions = 0
      let trainer = try Trainer(config, inputs, communicator: communicator, console: console) {
        questions += 1
        return communicator.rank == 0 && questions >= asked
      }
      let end = try trainer.run(only: phase, resuming: resuming, from: start)
      if communicator.rank == 0 { outcome.withLock { $0 = end } }
    }
    return outcome.withLock { $0 }
  }

  /// A model that nobody has trained.
  func model(
    _ config: RunConfig, userHead: ModelShape.UserHeadKind? = nil, communicator: any Communicator = SoloCommunicator()
  ) throws -> PreciseModel {
    try ModelFactory.make(
      config, dataset, try ModelFactory.tokenStates(config, dataset), communicator: communicator, userHead: userHead)
  }

  /// Metrics of a model on the validation events of a task's users.
  func metrics(_ model: PreciseModel, _ task: EvaluationTask) throws -> RankingMetrics {
    try Evaluator(dataset, shards: 0..<dataset.shardCount, cutoffs: [5, 10], communicator: SoloCommunicator())
      .evaluate(model, task, workspace: Workspace(chunkBytes: 1 << 20))
  }
}

/// Token states of which one item's are the largest numbers that there are.
private struct PoisonedSource: TokenSource {
  let source: any TokenSource
  let item: Int

  var dimension: Int { source.dimension }
  var name: String { source.name }
  func tokenCount(_ item: Int) -> Int { source.tokenCount(item) }
  func appendStates(_ item: Int, to states: inout [Float]) {
    let start = states.count
    source.appendStates(item, to: &states)
    if item == self.item { for index in start..<states.count { states[index] = .greatestFiniteMagnitude } }
  }
}

/// Gives a data set hashed token states, or what `wrap` makes of them.
func encode(_ dataset: Dataset, tokens: Int = 3, as wrap: (any TokenSource) -> any TokenSource = { $0 }) throws {
  let items = DatasetItems(dataset)
  let encoder = HashedEncoder(dimension: 6, maxTokens: tokens)
  _ = try TokenStatesWriter(folder: dataset.path, itemTableChecksum: items.checksum, tokens: tokens, type: .f32)
    .write(wrap(HashedSource(items: items, encoder: encoder)), items: items)
}

/// Writes a checkpoint of a model and waits for it; the moments count up.
func save(
  _ model: PreciseModel, _ manifest: CheckpointManifest, to path: String, mode: CheckpointWriter.Mode = .synchronous,
  communicator: any Communicator
) throws {
  let optimizer = AdamW(model.parameters, options: .init())
  for index in 0..<optimizer.firstMoments.count { optimizer.firstMoments[index] = Float(index) }
  for index in 0..<optimizer.secondMoments.count { optimizer.secondMoments[index] = 0.5 + Float(index) }
  let contents = CheckpointContents(
    model, optimizer: optimizer, configuration: "seed: 5\n", itemKey: { UInt64($0) << 40 }, vocabulary: .init())
  let writer = CheckpointWriter(contents, ranksOnHost: communicator.size, communicator: communicator)
  #expect(try writer.begin(manifest, at: path, mode: mode) == nil)
  #expect(try writer.finish() == nil)
}

/// Every number of a model that training changes, by name.
func numbers(_ model: PreciseModel) -> [String: [Float]] {
  var found = ["ids": model.items.ids.values, "tokens": model.items.tokens.states.values]
  for parameter in model.parameters.parameters { found[parameter.name] = parameter.vector.values }
  for state in model.items.idOptimizer.states { found["ids." + state.name] = state.values.values }
  for state in model.items.tokenOptimizer?.states ?? [] { found["tokens." + state.name] = state.values.values }
  return found
}

/// The lines of a run's `metrics.jsonl` that speak of a phase's steps: what is in `fields`.
func column(_ field: String, of phase: String, _ run: TrainedRun) throws -> [Double] {
  let text = try String(contentsOfFile: run.directory.metricsPath, encoding: .utf8)
  return try text.split(separator: "\n").compactMap { line in
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    return object["phase"] as? String == phase ? object[field] as? Double : nil
  }
}
