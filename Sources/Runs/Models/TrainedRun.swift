package import Checkpoints
package import Collectives
package import Config
package import Datasets
package import Evaluation
import Files
import Foundation
package import Model
import Tensors
package import Texts

/// A run that has been trained: its configuration, its data set, and the models of its phases.
///
/// The one way in for evaluation, export, recommendation and scoring.
package struct TrainedRun: Sendable {
  /// The run directory.
  package let directory: RunDirectory
  /// The resolved configuration.
  package let config: RunConfig
  /// The data set that it is used on: the one that it was trained on, unless there is a `lineage`.
  package let dataset: Dataset
  /// What the model knows of a data set that has grown since; nil where it is used on its own.
  package let lineage: Lineage?
  /// The data set's token states; nil when the model reads no text.
  package let states: TokenStates?

  /// The text vectors that scores are blended with; nil when the run's configuration or its data set has none.
  package let textVectors: TextVectors?
  private let results: PhaseResults

  /// Training events of each item as the model was trained `[V]`: 0 for items that are new to it; valid while the run lives.
  package var trainCounts: UnsafeBufferPointer<UInt32> { lineage?.trainCounts ?? dataset.items.trainCounts }

  /// Opens a run directory and its data set.
  ///
  /// Throws `InputError` when the folder is no run, a checkpoint's manifest is damaged, or the data set has changed since.
  ///
  /// - Parameters:
  ///   - data: the data set's folder, when it has moved or, where that is allowed, grown.
  ///   - trainedOn: the folder of the data set that the run was trained on, when it has moved and `data` is a newer one.
  ///   - allowsNewer: whether `data` may be a newer data set of the same lineage, on which the model is used as it is.
  ///   - overrides: `key=value`s below `evaluation`, to evaluate it in another way than it was trained with.
  package init(
    path: String, data: String? = nil, trainedOn: String? = nil, allowsNewer: Bool = false, overrides: [String] = []
  ) throws {
    directory = RunDirectory(path: path)
    let record = try directory.record()
    config = try ConfigReader.read(file: directory.configPath, overrides: overrides)
    guard data != nil || Dataset.isDataset(record.dataset) else {
      throw InputError("\(path)/run.json names the data set \(record.dataset), which is not there; give it with --data")
    }
    dataset = try Dataset(path: data ?? record.dataset)
    states = try ModelFactory.tokenStates(config, dataset)
    let vocabulary = CheckpointVocabulary(dataset, states)
    guard dataset.manifest.checksum != record.checksum else {
      lineage = nil
      try record.checkTokenStates(states?.checksum, run: path, dataset: dataset.path)
      textVectors = try ModelFactory.textVectors(config, dataset)
      results = PhaseResults(directory, dataset, vocabulary)
      return
    }
    guard allowsNewer, data != nil else {
      throw InputError(
        "\(dataset.path) has changed since \(path) was trained on it (checksum \(dataset.manifest.checksum), was \(record.checksum)); "
          + "give the data set of the run with --data")
    }
    let lineage = try Lineage(of: dataset, trained: try Self.ownDataset(record, of: path, at: trainedOn))
    self.lineage = lineage
    textVectors = try ModelFactory.textVectors(config, lineage.trained)?.extended(to: dataset, rows: lineage.rows)
    results = PhaseResults(directory, dataset, vocabulary, trainedItems: lineage.trained.items.count)
  }

  /// The data set that a run was trained on, where it is used on a newer one.
  private static func ownDataset(_ record: RunDirectory.Record, of path: String, at folder: String?) throws -> Dataset {
    let folder = folder ?? record.dataset
    guard Dataset.isDataset(folder) else {
      throw InputError(
        "the data set that \(path) was trained on is not in \(folder); its counts and word weights are needed beside a newer one: "
          + "give its folder with --trained-on")
    }
    let dataset = try Dataset(path: folder)
    guard dataset.manifest.checksum == record.checksum else {
      throw InputError(
        "\(folder) is not the data set that \(path) was trained on (checksum \(dataset.manifest.checksum), was \(record.checksum)); "
          + "give that one with --trained-on")
    }
    return dataset
  }

  /// Makes every rank read the checkpoints that rank 0 has found: a training beside this may put others in their place any time.
  ///
  /// Collective. Throws `InputError` when one cannot be read.
  package func agree(_ communicator: any Communicator) throws {
    var (paths, failure): (String?, String?) = (nil, nil)
    do {
      if communicator.rank == 0 { paths = try results.all(config).map(\.checkpoint.path).joined(separator: "\n") }
    } catch {
      failure = "\(error)"
    }
    if let failure = try communicator.firstText(failure) { throw InputError(failure) }
    let agreed = try communicator.broadcast(paths).split(separator: "\n").map(String.init)
    do {
      try results.pin(agreed)
    } catch {
      failure = "\(error)"
    }
    if let failure = try communicator.firstText(failure) { throw InputError(failure) }
  }

  /// The phases that have a checkpoint, in order, each as it was trained.
  ///
  /// Throws `InputError` when one cannot be read.
  package var trainedPhases: [PhasePlan] { get throws { try results.all(config).map(\.plan) } }

  /// A trained phase by name; the last trained one when nil.
  ///
  /// Throws `InputError` when there is none.
  package func phase(named name: String?) throws -> PhasePlan {
    let trained = try trainedPhases
    guard let name else {
      guard let last = trained.last else { throw InputError("\(directory.path) holds no checkpoint; train it first") }
      return last
    }
    guard let found = trained.first(where: { $0.name == name }) else {
      let names = trained.isEmpty ? "none" : trained.map(\.name).joined(separator: ", ")
      throw InputError("\(directory.path) has no trained phase \(name); it has \(names)")
    }
    return found
  }

  /// The checkpoint that is a phase's result; the same one each time it is asked for.
  ///
  /// Throws `InputError` when there is none.
  package func checkpoint(_ plan: PhasePlan) throws -> Checkpoint { try result(plan).checkpoint }

  /// A phase's model with its result loaded, as one rank sees it; the calling thread is made ready for that rank's work.
  ///
  /// It is built by the checkpoint's own configuration.
  package func model(_ plan: PhasePlan, communicator: any Communicator) throws -> PreciseModel {
    Engine.prepareThread()
    let result = try result(plan)
    let model = try ModelFactory.make(result.config, dataset, states, communicator: communicator, userHead: result.plan.userHead)
    let contents =
      lineage == nil
      ? CheckpointContents(reading: model)
      : CheckpointContents(reading: model, itemKey: dataset.items.key, vocabulary: CheckpointVocabulary(dataset, states))
    try result.checkpoint.loadResult(into: contents, isSameData: lineage == nil, communicator: communicator)
    return model
  }

  /// What text adds to a phase's scores; nil when nothing was fitted.
  ///
  /// Throws `InputError` when the data set's text vectors are not those that it was fitted with.
  package func text(_ plan: PhasePlan) throws -> TextBlend? {
    let checkpoint = try result(plan).checkpoint
    guard let blend = checkpoint.manifest.blend else { return nil }
    // A blend may have been fitted to a run whose configuration knows of none.
    guard let textVectors = try textVectors ?? blendedVectors(), textVectors.identity == blend.vectors else {
      throw InputError(
        "the scores of \(checkpoint.path) are blended with text vectors (\(blend.vectors)) that "
          + "\((lineage?.trained ?? dataset).path)/\(TextVectors.fileName) does not hold; encode the data set in the same way")
    }
    return TextBlend(textVectors, blend)
  }

  /// The text vectors of a run whose configuration knows of no blend.
  private func blendedVectors() throws -> TextVectors? {
    guard let lineage else { return try TextVectors(dataset: dataset) }
    return try TextVectors(dataset: lineage.trained)?.extended(to: dataset, rows: lineage.rows)
  }

  private func result(_ plan: PhasePlan) throws -> PhaseResults.Result {
    guard let result = try results.all(config).first(where: { $0.plan.name == plan.name }) else {
      throw InputError("\(directory.checkpointsPath(phase: plan.name)) holds no checkpoint")
    }
    return result
  }
}
