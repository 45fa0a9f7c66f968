public import Collectives
public import Config
public import Datasets
import Files
import Kernels
import Model
public import Reporting
import Tensors
public import Text

/// A run of one rank: the universal phase, then each targeted phase from the end of the universal one.
public final class Trainer {
  /// What a run needs besides its configuration.
  public struct Inputs {
    /// The data set.
    public let dataset: Dataset
    /// Its token states; nil when the model reads no text.
    public let states: TokenStates?
    /// Where the run writes.
    public let directory: RunDirectory

    /// Puts the inputs together.
    public init(dataset: Dataset, states: TokenStates?, directory: RunDirectory) {
      self.dataset = dataset
      self.states = states
      self.directory = directory
    }
  }

  /// Makes a run; only rank 0 writes a log.
  public init(_ config: RunConfig, _ inputs: Inputs, communicator: any Communicator, console: Console) throws {
    self.config = config
    self.inputs = inputs
    self.communicator = communicator
    plans = PhasePlan.all(config, inputs.dataset)
    Engine.prepareThread()
    let agreed = try StepPrecision(config.compute, communicator: communicator)
    precision = agreed.precision
    if let warning = agreed.warning { console.note("warning: \(warning)") }
    log = communicator.rank == 0 ? try RunLog(inputs.directory, config.log, console: console) : nil
  }

  /// Trains every phase, or only those named: a targeted phase alone starts from the universal phase's checkpoint.
  ///
  /// - Parameter selection: names of phases; `targeted` stands for all targeted ones; nil = all.
  public func run(only selection: String? = nil) throws {
    let universal = plans[0]
    let wantsUniversal = selection == nil || selection == universal.name
    let targeted = plans.dropFirst().filter { selection == nil || selection == "targeted" || selection == $0.name }
    guard wantsUniversal || !targeted.isEmpty else {
      let names = plans.map(\.name).joined(separator: ", ")
      throw InputError("no phase is named \(selection ?? ""); the configuration has \(names)")
    }
    if wantsUniversal {
      try train(universal, ModelFactory.make(config, inputs.dataset, inputs.states, communicator: communicator))
    }
    for plan in targeted {
      let shape = ModelFactory.shape(config, inputs.dataset, inputs.states, userHead: plan.userHead)
      try train(plan, PreciseModel(shape, continuing: try loadUniversal(), seed: config.seed))
    }
  }

  /// The universal phase's result, read back from its checkpoint.
  private func loadUniversal() throws -> PreciseModel {
    let store = CheckpointStore(path: inputs.directory.checkpointsPath(phase: plans[0].name))
    guard let checkpoint = store.result() else {
      throw InputError("\(store.path) holds no checkpoint; train the universal phase first (--phase universal)")
    }
    let model = ModelFactory.make(config, inputs.dataset, inputs.states, communicator: communicator)
    try checkpoint.load(into: model, communicator: communicator)
    return model
  }

  private func train(_ plan: PhasePlan, _ model: PreciseModel) throws {
    let trainer = try PhaseTrainer(
      plan, model: model, config: config, precision: precision, dataset: inputs.dataset, directory: inputs.directory,
      communicator: communicator, log: log)
    try trainer.run()
  }

  private let config: RunConfig
  private let inputs: Inputs
  private let communicator: any Communicator
  private let plans: [PhasePlan]
  private let precision: Precision
  private let log: RunLog?
}
