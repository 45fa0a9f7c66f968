import Checkpoints
package import Config
import Files
import Host
package import Reporting

/// Whether a run is under way just now, or how it ended: one answer for `inspect`, `watch`, `report` and `compare`.
package enum RunState: Sendable, Equatable {
  /// A job has the run's lock; who, as far as it says so.
  case running(holder: String)
  /// Every phase of the configuration has a result and went to its end.
  case finished
  /// Some phases went to their end, and of the others none was begun.
  case partlyTrained
  /// It failed; the sentence of the rank that failed first.
  case failed(cause: String)
  /// It was stopped, or killed, in the middle of a phase.
  case stopped
  /// Nothing was trained yet.
  case empty

  /// Looks at a run directory; `history` is what its log says.
  package init(_ directory: RunDirectory, _ config: RunConfig, _ history: RunHistory) {
    let phases = (["universal"] + config.targeted.map(\.name)).map { name in
      (name: name, state: PhaseState(directory, phase: name, history[phase: name]))
    }
    // What the last job was to train, as it said itself.
    let asked = Set(history.phases.flatMap(\.begins).max { $0.line < $1.line }?.record.phases.map(\.phase) ?? [])
    if Self.isHeld(directory, history) {
      self = .running(holder: RunLock.holder(of: directory))
    } else if let failure = FailureRecord.read(directory) {
      // Of the last start: each new one removes it.
      self = .failed(cause: failure.cause)
    } else if phases.allSatisfy({ $0.state.isOver }) {
      self = .finished
    } else if phases.allSatisfy({ $0.state == .empty }) {
      self = .empty
    } else {
      let isLeft = phases.contains { $0.state == .begun || $0.state == .empty && asked.contains($0.name) }
      self = isLeft ? .stopped : .partlyTrained
    }
  }

  /// Whether some job has a run just now; where nobody can tell, whether its log has grown in the last two minutes.
  package static func isHeld(_ directory: RunDirectory, _ history: RunHistory) -> Bool {
    RunLock.isHeld(directory) ?? (history.lastTime.map { WallClock.seconds() - $0 < 120 } ?? false)
  }

  /// Whether some job trains it.
  package var isRunning: Bool { if case .running = self { true } else { false } }

  /// In a word or two: `running`, `finished`, `trained in part`, `failed`, `stopped`, `not trained`.
  package var word: String {
    switch self {
    case .running: "running"
    case .finished: "finished"
    case .partlyTrained: "trained in part"
    case .failed: "failed"
    case .stopped: "stopped"
    case .empty: "not trained"
    }
  }

  /// In a sentence, without a full stop.
  package var sentence: String {
    switch self {
    case .running(let holder): "being trained by \(holder)"
    case .finished: "finished"
    case .partlyTrained: "trained in part: some phases were not begun"
    case .failed(let cause): "failed: \(cause)"
    case .stopped: "stopped before its end; go on with precise train … --resume"
    case .empty: "not trained yet"
    }
  }
}

/// How far a phase of a run has come.
package enum PhaseState: Sendable {
  /// It made all its steps.
  case finished
  /// It ended by `evaluation.patience`.
  case endedEarly
  /// It made steps, and some are left.
  case begun
  /// It made none.
  case empty

  /// Whether it has nothing left to do.
  package var isOver: Bool { self == .finished || self == .endedEarly }

  /// Looks at a phase's checkpoints and what the log says of it.
  package init(_ directory: RunDirectory, phase: String, _ logged: RunHistory.Phase?) {
    let checkpoints = CheckpointStore(path: directory.checkpointsPath(phase: phase)).all()
    if let end = logged?.end?.record {
      self = end.end == "patience" ? .endedEarly : .finished
    } else if checkpoints.contains(where: { $0.manifest.isFinished }) {
      // Of a version that did not log an end.
      self = .finished
    } else {
      self = checkpoints.isEmpty && logged?.steps.isEmpty != false && logged?.begins.isEmpty != false ? .empty : .begun
    }
  }
}
