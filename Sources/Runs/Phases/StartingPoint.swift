package import Checkpoints
package import Collectives
package import Config
package import Datasets
import Files
import Foundation
package import Texts

/// What a new run begins with: the numbers of another run's universal phase, over a data set that has grown since (`--from`).
package struct StartingPoint: Sendable, Codable, Equatable {
  /// The checkpoint's folder, or a run directory, which stands for its universal phase's result; in `run.json` always the former.
  package var checkpoint: String
  /// The CRC-32 of the checkpoint's manifest; nil until it has been opened.
  package var manifestChecksum: String?
  /// Whether items that the data set lacks are left behind instead of refused.
  package var dropsGoneItems: Bool

  /// Names a checkpoint or a run directory.
  package init(path: String, dropsGoneItems: Bool = false) {
    checkpoint = path
    self.dropsGoneItems = dropsGoneItems
  }

  /// Looks at the checkpoint before anything is written: all that `open` refuses but damaged files.
  package func check(_ config: RunConfig, _ dataset: Dataset, _ states: TokenStates?) throws {
    try check(try Checkpoint(path: try resolve()), config, CheckpointVocabulary(dataset, states))
  }

  /// Finds and checks the checkpoint; collective, rank 0's view of the folders counts.
  ///
  /// Throws `InputError` when there is none or it is damaged, of another phase, or has changed since `manifestChecksum` was noted,
  /// and `ConfigProblems` naming every key that decides the model's extents and differs.
  package func open(
    _ config: RunConfig, _ vocabulary: CheckpointVocabulary, communicator: any Communicator
  ) throws -> (point: StartingPoint, checkpoint: Checkpoint) {
    var (found, failure): (String?, String?) = (nil, nil)
    do {
      if communicator.rank == 0 { found = try resolve() }
    } catch {
      failure = "\(error)"
    }
    if let failure = try communicator.firstText(failure) { throw InputError(failure) }
    let path = try communicator.broadcast(found)
    let checkpoint = try ResumePoint.open(path, communicator).get()
    var point = StartingPoint(path: path, dropsGoneItems: dropsGoneItems)
    point.manifestChecksum = try hexadecimalChecksum("\(path)/\(CheckpointManifest.fileName)")
    guard manifestChecksum == nil || manifestChecksum == point.manifestChecksum else {
      throw InputError("\(path) has changed since the run began with it; begin anew with --from and --overwrite")
    }
    try check(checkpoint, config, vocabulary)
    return (point, checkpoint)
  }

  /// Reads what of the checkpoint the data set still has; collective.
  ///
  /// Throws `InputError` when it lacks items and they may not be left behind.
  package func load(
    _ checkpoint: Checkpoint, into contents: CheckpointContents, communicator: any Communicator, checkStop: () throws -> Void
  ) throws -> ItemMatch {
    let match = try checkpoint.match(contents, communicator: communicator, checkStop: checkStop)
    guard match.gone == 0 || dropsGoneItems else {
      throw InputError(
        "\(checkpoint.path) has \(match.gone) items that the data set lacks; make the data set with precise prepare --append of "
          + "the one before, which keeps them, or leave them behind with --drop-gone-items")
    }
    try checkpoint.load(into: contents, matching: match, communicator: communicator, isVerified: true, checkStop: checkStop)
    return match
  }

  /// The absolute path of the checkpoint.
  private func resolve() throws -> String {
    let path = URL(fileURLWithPath: checkpoint).standardizedFileURL.path
    guard !FileManager.default.fileExists(atPath: "\(path)/\(CheckpointManifest.fileName)") else { return path }
    let run = RunDirectory(path: path)
    guard run.exists else { throw InputError("\(checkpoint) is neither a checkpoint nor a run directory; give one with --from") }
    guard let result = try CheckpointStore(path: run.checkpointsPath(phase: "universal")).result() else {
      throw InputError("\(checkpoint) has no checkpoint of its universal phase; train it first")
    }
    return result.path
  }

  private func check(_ checkpoint: Checkpoint, _ config: RunConfig, _ vocabulary: CheckpointVocabulary) throws {
    guard checkpoint.manifest.phase == "universal" else {
      throw InputError(
        "\(checkpoint.path) is of the phase \(checkpoint.manifest.phase); a run begins with a checkpoint of a universal phase")
    }
    let file = "\(checkpoint.path)/\(CheckpointManifest.configuration)"
    let old = try ConfigReader.read(text: try checkpoint.configuration(), name: file)
    let problems = ResumeRules.extentProblems(old, config)
    if !problems.isEmpty { throw ConfigProblems(file: file, problems: problems) }
    // Appended items have states of their own, so these are of another checksum.
    try checkpoint.checkEncoding(vocabulary) { $0.isSameKind(as: $1) }
  }

  private func hexadecimalChecksum(_ path: String) throws -> String { String(format: "%08x", try CRC32.of(file: path)) }
}
