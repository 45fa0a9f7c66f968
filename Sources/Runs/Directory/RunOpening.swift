import Checkpoints
package import Config
import Files
import Foundation

/// What a training asks of a run directory before it trains: that it is a run's or nobody's, that no other job is in it, and that what
/// is there fits what is asked for.
///
/// One rank opens it, rank 0. Nothing is written before all of that holds, and no file is removed that a run did not write.
package struct RunOpening {
  /// How a run that is there already is met.
  package enum Intent: Sendable {
    /// It must not be there; a targeted phase alone may be added to it.
    case begin
    /// It goes on.
    case resume
    /// It is lost, or of a targeted phase alone only that.
    case overwrite
  }

  private let directory: RunDirectory
  private let config: RunConfig
  private let configFile: String
  private let record: RunDirectory.Record
  private let selection: String?
  private let intent: Intent

  /// - Parameters:
  ///   - configFile: what the configuration is called in messages.
  ///   - record: what the run is to be bound to.
  ///   - selection: `universal`, `targeted` (all of them), or the name of a targeted phase; nil = every phase.
  package init(
    _ directory: RunDirectory, config: RunConfig, configFile: String, record: RunDirectory.Record, selection: String?,
    intent: Intent
  ) {
    (self.directory, self.config, self.configFile) = (directory, config, configFile)
    (self.record, self.selection, self.intent) = (record, selection, intent)
  }

  /// Opens the run for this job, which has it until the lock goes.
  ///
  /// Throws `InputError` when the folder is somebody else's or holds what may not be lost, and `ConfigProblems` when the run was trained
  /// with other settings.
  package func open() throws -> RunLock {
    // Before the lock's file is made: a folder that is no run gets no file of ours.
    try directory.checkStanding()
    if !directory.exists { try checkBeginning() }
    try directory.create()
    let lock = try RunLock(directory)
    let found = try directory.checkStanding() == .run ? try directory.record() : nil
    var binding = record
    if let found { try handle(found, &binding) } else { try checkBeginning() }
    // What the last start failed of is no news of this one.
    try? FileManager.default.removeItem(atPath: directory.failurePath)
    try directory.write(config: ConfigWriter.text(config), record: binding)
    return lock
  }

  /// Whether the universal phase is among those that are asked for.
  private var trainsUniversal: Bool { selection == nil || selection == "universal" }

  /// The targeted phases that are asked for.
  private var targeted: [String] {
    config.targeted.map(\.name).filter { selection == nil || selection == "targeted" || selection == $0 }
  }

  private func checkBeginning() throws {
    guard !trainsUniversal else { return }
    throw InputError(
      "\(directory.path) holds no universal phase, from which a targeted one starts; train it first (--phase universal)")
  }

  /// A run is there: it must be this one, or is lost.
  private func handle(_ found: RunDirectory.Record, _ binding: inout RunDirectory.Record) throws {
    if trainsUniversal && intent != .resume {
      guard intent == .overwrite else {
        throw InputError(
          "\(directory.path) holds a run already; give --resume to go on with it, another --out, or --overwrite to lose it")
      }
      return try directory.clear()
    }
    guard found.checksum == record.checksum else {
      throw InputError(
        "\(directory.path) was trained on another data set than \(record.dataset); give that one, or another --out")
    }
    try found.checkTokenStates(record.tokenStates, run: directory.path, dataset: record.dataset)
    let anew = intent == .resume ? [] : targeted
    let trained = config.targeted.map(\.name).filter(isTrained)
    let lost = trained.filter(anew.contains)
    guard lost.isEmpty || intent == .overwrite else {
      throw InputError(
        "\(directory.path) holds the phase \(lost[0]) already; give --resume to go on with it, or --overwrite to train it anew")
    }
    let old = try ConfigReader.read(file: directory.configPath)
    let kept = Set(old.targeted.map(\.name).filter(isTrained)).union(trained).subtracting(anew)
    let problems = ResumeRules.problems(old, config, phases: kept)
    guard problems.isEmpty else { throw ConfigProblems(file: configFile, problems: problems) }
    if intent == .overwrite { try lose(anew) }
    binding.from = found.from
    binding.tokenStates = record.tokenStates ?? found.tokenStates
  }

  private func isTrained(_ phase: String) -> Bool { !store(phase).paths().isEmpty }

  /// Removes the checkpoints and metrics of phases that are trained anew.
  private func lose(_ phases: [String]) throws {
    guard !phases.isEmpty else { return }
    // The record first: it may be one that cannot be read.
    try EvaluationRecord.update(directory) { record in for phase in phases { record.remove(phase: phase) } }
    for phase in phases { try store(phase).removeAll() }
  }

  private func store(_ phase: String) -> CheckpointStore { CheckpointStore(path: directory.checkpointsPath(phase: phase)) }
}
