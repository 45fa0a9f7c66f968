import Checkpoints
import Collectives
import Config
import Files
import Foundation
import Host
import Logging
import Runs

/// When a phase's checkpoints are written, which of them stay, and what becomes of those that cannot be written.
///
/// Which of those on the disk is the phase's result, the store says (`CheckpointStore.result`).
/// Collective: `afterStep`, `keep` and `finish`.
final class CheckpointKeeper {
  private let config: CheckpointConfig
  private let store: CheckpointStore
  private let communicator: any Communicator
  private let writer: CheckpointWriter
  private let contents: CheckpointContents
  private var preparedForTokens = false
  private let logger = Logger(label: "precise.training")
  /// The best score that was seen, and the step that it was measured after; the same on every rank.
  private(set) var best: (score: Double, step: Int)?
  /// What the checkpoint under way is called, when failing to write it must end the run.
  private var needed: String?
  private var hasWarnedOfMemory = false
  private var keptAt = DispatchTime.now().uptimeNanoseconds

  init(
    _ config: CheckpointConfig, _ contents: CheckpointContents, store: CheckpointStore, communicator: any Communicator
  ) throws {
    self.config = config
    self.store = store
    self.communicator = communicator
    let onHost = Launch.detect(ProcessInfo.processInfo.environment)?.localSize ?? communicator.size
    writer = CheckpointWriter(contents, ranksOnHost: onHost, communicator: communicator)
    self.contents = contents
    try prepareToCopy()
    let known = try communicator.broadcast(store.best.map { "\($0.score) \($0.step)" } ?? "").split(separator: " ")
    if known.count == 2, let score = Double(known[0]), let step = Int(known[1]) { best = (score, step) }
  }

  /// Whether a checkpoint is due by the clock: clocks differ from rank to rank, rank 0's decides.
  var isTimeToSave: Bool {
    guard communicator.rank == 0 else { return false }
    return config.everyMinutes.map { Double(DispatchTime.now().uptimeNanoseconds - keptAt) * 1e-9 >= 60 * $0 } ?? false
  }

  /// Whether this rank has still to write files.
  var isBehind: Bool { writer.state == .writing }

  /// Whether a checkpoint is due by the number of steps.
  func isDue(after step: Int) -> Bool { config.everySteps.map { step % $0 == 0 } ?? false }

  /// Whether a score is above all that are kept.
  func isBest(_ score: Double?) -> Bool {
    config.keepBest > 0 && isBetter(score)
  }

  /// Whether a score is above all that were seen, kept or not.
  func isBetter(_ score: Double?) -> Bool { score.map { $0 > (best?.score ?? -1) } ?? false }

  /// Notes the score of a checkpoint that is there.
  func learn(_ score: Double?, step: Int) {
    if let score, isBetter(score) { best = (score, step) }
  }

  /// Moves the checkpoint under way on, without waiting.
  func advance() throws { try writer.advance() }

  /// Puts the checkpoint under way in place once no rank is behind.
  ///
  /// - Parameter isBehind: whether any rank was behind when the step began.
  func afterStep(isBehind: Bool) throws {
    // Renaming and pruning go on after that, on rank 0, which says later whether they have failed.
    try check(writer.settle(isBehind: isBehind))
    if contents.hasTokens != preparedForTokens && !writer.state.isUnderWay { try prepareToCopy() }
  }

  /// Keeps the model as it is now.
  ///
  /// - Parameter mustExist: whether it is to be on the disk when this returns. Any other is written beside training, and one that
  ///   cannot be is only warned of, unless it is the best so far: the phase would have another result without it.
  /// - Throws: `InputError` when this or the one before is needed and cannot be written.
  func keep(_ manifest: CheckpointManifest, mustExist: Bool) throws -> CheckpointWriter.Mode {
    try Memory.use(for: .checkpoint) { try write(manifest, mustExist: mustExist) }
  }

  private func write(_ manifest: CheckpointManifest, mustExist: Bool) throws -> CheckpointWriter.Mode {
    try finish()
    let mode: CheckpointWriter.Mode = try mustExist || !canCopy() ? .synchronous : .asynchronous
    let isBest = isBetter(manifest.score)
    needed = mustExist || isBest ? "the checkpoint after step \(manifest.step)\(isBest ? ", the best so far," : "")" : nil
    let failure = try writer.begin(
      manifest, at: store.path(step: manifest.step), mode: mode, whenInPlace: prune)
    keptAt = DispatchTime.now().uptimeNanoseconds
    learn(manifest.score, step: manifest.step)
    try check(failure)
    return mode
  }

  /// Waits for the checkpoint under way.
  func finish() throws { try check(writer.finish()) }

  /// Removes the checkpoints that are not needed any more; one that cannot be removed costs room, not the run.
  private var prune: @Sendable () -> Void {
    { [store, config, logger] in
      do {
        try store.prune(last: config.keepLast, best: config.keepBest)
      } catch {
        logger.warning("an old checkpoint stays", metadata: ["cause": "\(error)"])
      }
    }
  }

  /// Token states are part of a checkpoint, and of its copy, from the step on that first trains them: the same on every rank.
  private func prepareToCopy() throws {
    preparedForTokens = contents.hasTokens
    if config.asynchronous && (config.everySteps != nil || config.everyMinutes != nil) {
      try Memory.use(for: .checkpoint) { try writer.prepareToCopy() }
    }
  }

  private func canCopy() throws -> Bool {
    guard config.asynchronous else { return false }
    if try writer.canCopy() { return true }
    if !hasWarnedOfMemory, communicator.rank == 0 {
      logger.warning("memory is short: training waits while checkpoints are written")
    }
    hasWarnedOfMemory = true
    return false
  }

  /// Ends the run for a checkpoint that is needed and could not be written, and warns of any other.
  private func check(_ failure: String?) throws {
    guard let failure else { return }
    if let needed { throw InputError("\(needed) cannot be written: \(failure); make room and go on with --resume") }
    guard communicator.rank == 0 else { return }
    let last = store.all().last.map { "step \($0.manifest.step)" } ?? "none"
    logger.warning(
      "a checkpoint could not be written; training goes on", metadata: ["cause": "\(failure)", "last_whole": "\(last)"])
  }
}
