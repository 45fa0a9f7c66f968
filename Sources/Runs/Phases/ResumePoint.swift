package import Checkpoints
package import Collectives
package import Config
package import Datasets
package import Files
import Logging

/// Where a run goes on: its newest whole checkpoint, in whichever phase.
package struct ResumePoint {
  /// The phase's number among the plans that were asked for.
  package let phase: Int
  /// The checkpoint, whose checksums have been compared.
  package let checkpoint: Checkpoint

  /// Whether a phase, by its number among the plans, has nothing left to train.
  package func hasFinished(phase number: Int) -> Bool {
    number < phase || number == phase && checkpoint.manifest.isFinished
  }

  /// Looks for the newest whole checkpoint of some phases; nil when there is none at all.
  ///
  /// Collective: rank 0's view of the folders counts, and the ranks share the files to be compared with their checksums. A
  /// checkpoint that is damaged is passed over with a warning and set aside. Throws `InputError` when all are damaged or of other data.
  package static func find(
    _ plans: [PhasePlan], _ directory: RunDirectory, _ dataset: Dataset, _ vocabulary: CheckpointVocabulary, _ config: RunConfig,
    communicator: any Communicator
  ) throws -> ResumePoint? {
    var (damage, damaged): (String?, [(store: CheckpointStore, path: String)]) = (nil, [])
    for (number, plan) in plans.enumerated().reversed() {
      let store = CheckpointStore(path: directory.checkpointsPath(phase: plan.name))
      if communicator.rank == 0 { try store.removeLeftovers() }
      let paths = try communicator.broadcast(store.paths().joined(separator: "\n")).split(separator: "\n").map(String.init)
      for path in paths.reversed() {
        switch try open(path, communicator) {
        case .success(let checkpoint):
          try check(checkpoint, dataset, vocabulary, config)
          try setAside(damaged, communicator)
          return ResumePoint(phase: number, checkpoint: checkpoint)
        case .failure(let error):
          damage = damage ?? "\(error)"
          damaged.append((store, path))
          guard communicator.rank == 0 else { continue }
          Logger(label: "precise.training").warning(
            "a checkpoint is not whole; an older one is looked for",
            metadata: ["checkpoint": "\(path)", "cause": "\(error)"])
        }
      }
    }
    if let damage { throw InputError("no checkpoint of \(directory.path) is whole: \(damage); or begin anew with --overwrite") }
    return nil
  }

  /// What is damaged must neither be a phase's result nor stand where the run writes the same steps again; collective.
  private static func setAside(_ damaged: [(store: CheckpointStore, path: String)], _ communicator: any Communicator) throws {
    guard !damaged.isEmpty else { return }
    if communicator.rank == 0 {
      for (store, path) in damaged {
        let aside = try store.setAside(path)
        Logger(label: "precise.training").warning(
          "the damaged checkpoint is kept aside", metadata: ["checkpoint": "\(path)", "now": "\(aside)"])
      }
    }
    try communicator.barrier()
  }

  /// Opens a checkpoint and compares its checksums; collective, the same result on every rank.
  package static func open(_ path: String, _ communicator: any Communicator) throws -> Result<Checkpoint, InputError> {
    var (checkpoint, failure): (Checkpoint?, String?) = (nil, nil)
    do {
      checkpoint = try Checkpoint(path: path)
    } catch {
      failure = "\(error)"
    }
    if let failure = try communicator.firstText(failure) { return .failure(InputError(failure)) }
    guard let checkpoint else { preconditionFailure("\(path) is neither whole nor damaged") }
    do {
      try checkpoint.verify(sharedBy: communicator)
    } catch let error as InputError {
      return .failure(error)
    }
    return .success(checkpoint)
  }

  /// A run goes on with its own data and configuration.
  private static func check(
    _ checkpoint: Checkpoint, _ dataset: Dataset, _ vocabulary: CheckpointVocabulary, _ config: RunConfig
  ) throws {
    guard checkpoint.manifest.datasetChecksum == dataset.manifest.checksum, checkpoint.manifest.items == dataset.items.count
    else {
      throw InputError(
        "\(checkpoint.path) was trained on another data set than \(dataset.path) (checksum \(checkpoint.manifest.datasetChecksum), "
          + "now \(dataset.manifest.checksum)); give that one with --data, or start a run of its own with --from")
    }
    try checkpoint.checkEncoding(vocabulary) { $0.isSame(as: $1) }
    try checkSettings(checkpoint, config)
  }

  /// Throws `ConfigProblems` when a checkpoint was trained with other settings than a run is to go on, or start a phase, with.
  ///
  /// Other phases than the checkpoint's own may have been trained anew since, with settings of their own.
  package static func checkSettings(_ checkpoint: Checkpoint, _ config: RunConfig) throws {
    let file = "\(checkpoint.path)/\(CheckpointManifest.configuration)"
    let old = try ConfigReader.read(text: try checkpoint.configuration(), name: file)
    let problems = ResumeRules.problems(old, config, phases: [checkpoint.manifest.phase])
    if !problems.isEmpty { throw ConfigProblems(file: file, problems: problems) }
  }
}
