import Checkpoints
package import Config
import Files
import Foundation
import Reporting

/// Whether a run is under way just now, or how it ended: one answer for `inspect`, `watch` and `report`.
package enum RunState: Sendable, Equatable {
  /// A job has the run's lock; who, as far as it says so.
  case training(holder: String)
  /// Every phase of the configuration has a result and went to its end.
  case finished
  /// It failed; the sentence of the rank that failed first.
  case failed(cause: String)
  /// It was stopped, or killed, with phases or steps left.
  case stopped
  /// Nothing was trained yet.
  case empty

  /// Looks at a run directory.
  package init(_ directory: RunDirectory, _ config: RunConfig) {
    if RunLock.isHeld(directory) {
      self = .training(holder: RunLock.holder(of: directory))
    } else if let failure = FailureRecord.read(directory) {
      self = .failed(cause: failure.cause)
    } else {
      let names = ["universal"] + config.targeted.map(\.name)
      let stores = names.map { CheckpointStore(path: directory.checkpointsPath(phase: $0)).all() }
      let ended = Self.endedEarly(directory)
      let areFinished = zip(names, stores).map { name, all in ended.contains(name) || all.contains { $0.manifest.isFinished } }
      self = areFinished.allSatisfy { $0 } ? .finished : stores.allSatisfy(\.isEmpty) ? .empty : .stopped
    }
  }

  /// The phases that `evaluation.patience` ended before their last step.
  private static func endedEarly(_ directory: RunDirectory) -> Set<String> {
    let history = (try? RunHistory(path: directory.metricsPath)) ?? RunHistory()
    return Set(history.phases.filter { $0.end?.record.end == "patience" }.map(\.name))
  }

  /// In a word: `training`, `finished`, `failed`, `stopped`, `empty`.
  package var name: String {
    switch self {
    case .training: "training"
    case .finished: "finished"
    case .failed: "failed"
    case .stopped: "stopped"
    case .empty: "empty"
    }
  }

  /// In a sentence, without a full stop.
  package var sentence: String {
    switch self {
    case .training(let holder): "being trained by \(holder)"
    case .finished: "finished"
    case .failed(let cause): "failed: \(cause)"
    case .stopped: "stopped before its end; go on with precise train … --resume"
    case .empty: "not trained yet"
    }
  }
}
