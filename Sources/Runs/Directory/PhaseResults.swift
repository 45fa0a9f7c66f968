import Checkpoints
import Config
import Datasets
import Files
import Synchronization

/// The results of a run's phases, looked for once and kept from being removed: a training may go on beside whoever reads them.
final class PhaseResults: Sendable {
  /// One phase's result.
  struct Result: Sendable {
    /// The phase, as it was trained.
    let plan: PhasePlan
    /// The configuration that it was trained with.
    let config: RunConfig
    let checkpoint: Checkpoint
    /// Keeps the checkpoint from being removed; nil when its files are not whole.
    let hold: FileHold?
  }

  private let directory: RunDirectory
  private let dataset: Dataset
  private let vocabulary: CheckpointVocabulary
  /// Items of the data set that the run was trained on, where it is used on a newer one; nil where that is its own.
  private let trainedItems: Int?
  private let found = Mutex<[Result]?>(nil)

  init(_ directory: RunDirectory, _ dataset: Dataset, _ vocabulary: CheckpointVocabulary, trainedItems: Int? = nil) {
    (self.directory, self.dataset, self.vocabulary) = (directory, dataset, vocabulary)
    self.trainedItems = trainedItems
  }

  /// The results of the phases that a configuration names, in order, and then of those that have checkpoints besides.
  ///
  /// Throws `InputError` when one cannot be read or is of another data set.
  func all(_ config: RunConfig) throws -> [Result] {
    try found.withLock { found in
      if let found { return found }
      let named = PhasePlan.all(config, dataset).map(\.name)
      let results = try (named + directory.phasesOnDisk.filter { !named.contains($0) }).compactMap { name in
        try CheckpointStore(path: directory.checkpointsPath(phase: name)).heldResult().map {
          try result($0.checkpoint, $0.hold)
        }
      }
      found = results
      return results
    }
  }

  /// Takes these checkpoints for the results; those that have been found already stay as they are.
  ///
  /// Throws `InputError` when one cannot be read.
  func pin(_ paths: [String]) throws {
    try found.withLock { found in
      let known = found ?? []
      found = try paths.map { path in
        if let same = known.first(where: { $0.checkpoint.path == path }) { return same }
        let checkpoint = try Checkpoint(path: path)
        return try result(checkpoint, CheckpointStore.hold(checkpoint))
      }
    }
  }

  private func result(_ checkpoint: Checkpoint, _ hold: FileHold?) throws -> Result {
    let items = trainedItems ?? dataset.items.count
    guard checkpoint.manifest.items == items else {
      throw InputError("\(checkpoint.path) is of \(checkpoint.manifest.items) items, the data set has \(items)")
    }
    // Items that came later have states of their own, so these are of another checksum.
    try checkpoint.checkEncoding(vocabulary) { trainedItems == nil ? $0.isSame(as: $1) : $0.isSameKind(as: $1) }
    let file = "\(checkpoint.path)/\(CheckpointManifest.configuration)"
    let config = try ConfigReader.read(text: try checkpoint.configuration(), name: file)
    guard let plan = PhasePlan.all(config, dataset).first(where: { $0.name == checkpoint.manifest.phase }) else {
      throw InputError("\(file) has no phase \(checkpoint.manifest.phase); use another checkpoint")
    }
    return Result(plan: plan, config: config, checkpoint: checkpoint, hold: hold)
  }
}
