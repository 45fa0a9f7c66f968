import Checkpoints
import Config
import Files
import Model
import Reporting
import Runs

/// What a phase begins with.
enum PhaseStart {
  /// Numbers of its own.
  case fresh
  /// A checkpoint of this very phase: it goes on from that step.
  case resume(Checkpoint)
  /// The numbers of another run's universal phase, over a data set that has grown since (`--from`).
  case warmStart(StartingPoint, Checkpoint)
  /// The result of this run's universal phase.
  case universal

  /// The checkpoint of this very phase, where it goes on from one.
  var resumed: Checkpoint? { if case .resume(let checkpoint) = self { checkpoint } else { nil } }

  /// Whether the numbers were trained in another phase or run.
  ///
  /// Such a phase is also evaluated before its first step, so that its result is the start when training gains nothing.
  var isTrainedElsewhere: Bool {
    switch self {
    case .fresh, .resume: false
    case .warmStart, .universal: true
    }
  }

  /// The phase's model; its numbers are those of a checkpoint only once `load` has been called.
  func makeModel(_ plan: PhasePlan, _ run: RunContext) throws -> PreciseModel {
    guard case .universal = self else { return try run.makeModel(plan.userHead) }
    // The universal model is gone when this returns: only its item table is taken over.
    return PreciseModel(
      ModelFactory.shape(run.config, run.inputs.dataset, run.inputs.states, userHead: plan.userHead),
      continuing: try run.loadUniversal(), seed: run.config.seed)
  }

  /// Reads what lies in a checkpoint into the phase's model; collective.
  func load(into contents: CheckpointContents, _ run: RunContext) throws {
    switch self {
    case .fresh, .universal: break
    case .resume(let checkpoint):
      try checkpoint.load(into: contents, communicator: run.communicator, isVerified: true, checkStop: run.checkStop)
    case .warmStart(let point, let checkpoint):
      let match = try point.load(checkpoint, into: contents, communicator: run.communicator, checkStop: run.checkStop)
      try run.log?.start(point, match)
    }
  }
}
