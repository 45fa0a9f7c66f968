import Checkpoints
import Collectives
import Config
import Datasets
import Files
import Host
import Model
import Runs
import Tensors
import Texts

/// What all phases of a run share.
struct RunContext {
  /// Everything that decides what is trained.
  let config: RunConfig
  /// The data set, its token states, and where the run writes.
  let inputs: Trainer.Inputs
  /// Every phase of the configuration, the universal one first.
  let plans: [PhasePlan]
  /// The ranks.
  let communicator: any Communicator
  /// What the factors of training's products are rounded to, on every rank.
  let precision: NumberFormat
  /// Whether this rank wants the run to stop.
  let shouldStop: () -> Bool
  /// Rank 0's log, once it is open.
  var log: RunLog?

  /// What the numbers of the data set and of its token states stand for.
  var vocabulary: CheckpointVocabulary { CheckpointVocabulary(inputs.dataset, inputs.states) }

  /// Throws when the run is to stop where there is nothing to save.
  func checkStop() throws {
    if shouldStop() { throw StoppedEarly() }
  }

  /// The checkpoints of a phase.
  func store(of plan: PhasePlan) -> CheckpointStore {
    CheckpointStore(path: inputs.directory.checkpointsPath(phase: plan.name))
  }

  /// A phase's result, nil when there is none; collective, rank 0's view of the folder counts.
  func result(of plan: PhasePlan) throws -> Checkpoint? {
    let found = try communicator.broadcast(communicator.rank == 0 ? try store(of: plan).result()?.path : nil)
    return found.isEmpty ? nil : try Checkpoint(path: found)
  }

  /// The universal phase's result, read back from its checkpoint.
  func loadUniversal() throws -> PreciseModel {
    guard let checkpoint = try result(of: plans[0]) else {
      throw InputError("\(store(of: plans[0]).path) holds no checkpoint; train the universal phase first (--phase universal)")
    }
    try checkpoint.checkEncoding(vocabulary) { $0.isSame(as: $1) }
    try ResumePoint.checkSettings(checkpoint, config)
    let model = try makeModel()
    try checkpoint.loadResult(
      into: CheckpointContents(reading: model), communicator: communicator, checkStop: checkStop)
    return model
  }

  /// A model of new numbers; with `userHead`, as a targeted phase has it.
  func makeModel(_ userHead: ModelShape.UserHeadKind? = nil) throws -> PreciseModel {
    try ModelFactory.make(
      config, inputs.dataset, inputs.states, communicator: communicator, userHead: userHead, checkStop: checkStop)
  }
}
