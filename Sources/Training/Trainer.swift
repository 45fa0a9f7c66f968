import Checkpoints
package import Collectives
package import Config
package import Datasets
import Evaluation
import Files
import Model
package import Reporting
package import Runs
import Tensors
package import Texts

/// A run of one rank: the universal phase, then each targeted phase from the end of the universal one.
package final class Trainer {
  /// What a run needs besides its configuration.
  package struct Inputs {
    /// The data set.
    package let dataset: Dataset
    /// Its token states; nil when the model reads no text.
    package let states: TokenStates?
    /// Where the run writes.
    package let directory: RunDirectory

    /// Puts the inputs together.
    package init(dataset: Dataset, states: TokenStates?, directory: RunDirectory) {
      self.dataset = dataset
      self.states = states
      self.directory = directory
    }
  }

  /// How a run ends.
  package enum Outcome: Sendable, Equatable {
    /// All phases that were asked for are trained.
    case finished
    /// A signal stopped it after so many steps of a phase; a checkpoint of them is in place.
    case stopped(phase: String, step: Int)
  }

  private let console: Console
  private let shouldStop: () -> Bool
  private let config: RunConfig
  private let inputs: Inputs
  private let communicator: any Communicator
  private let plans: [PhasePlan]
  private let precision: Precision
  private var log: RunLog?
  private var start: Start?

  /// Makes a run; only rank 0 writes a log.
  ///
  /// - Parameter shouldStop: asked in each step, and now and then besides, whether this rank wants the run to stop.
  package init(
    _ config: RunConfig, _ inputs: Inputs, communicator: any Communicator, console: Console,
    shouldStop: @escaping () -> Bool = { StopSignal.isRequested }
  ) throws {
    self.shouldStop = shouldStop
    self.config = config
    self.inputs = inputs
    self.communicator = communicator
    self.console = console
    plans = PhasePlan.all(config, inputs.dataset)
    Engine.prepareThread()
    communicator.state.timeout = config.guards.timeoutS
    let agreed = try StepPrecision(config.compute, communicator: communicator)
    precision = agreed.precision
    if let warning = agreed.warning { console.note("warning: \(warning)") }
  }

  /// Trains every phase, or only those named: a targeted phase alone starts from the universal phase's checkpoint.
  ///
  /// Throws `StoppedEarly` when a signal came before there was anything to save, or while a trained phase was blended with text, which the
  /// run makes up for when it goes on.
  ///
  /// - Parameters:
  ///   - selection: names of phases; `targeted` stands for all targeted ones; nil = all.
  ///   - isResuming: whether to go on from the newest whole checkpoint of these phases; where there is none, the run begins.
  ///   - start: what the universal phase begins with, if not with a new model; a run that goes on has its numbers already.
  package func run(
    only selection: String? = nil, resuming isResuming: Bool = false, from start: StartingPoint? = nil
  ) throws -> Outcome {
    let selected = PhasePlan.selected(plans, selection).map(\.plan)
    guard !selected.isEmpty else {
      let names = plans.map(\.name).joined(separator: ", ")
      throw InputError("no phase is named \(selection ?? ""); the configuration has \(names)")
    }
    let point =
      try isResuming
      ? ResumePoint.find(selected, inputs.directory, inputs.dataset, vocabulary, config, communicator: communicator) : nil
    if isResuming { console.note(describe(point)) }
    try openLog(selected, point)
    if point == nil, selected[0].kind.isUniversal { self.start = try open(start, isResuming: isResuming) }
    for (number, plan) in selected.enumerated() {
      var start: Checkpoint?
      if let point {
        if number < point.phase || number == point.phase && point.checkpoint.manifest.isFinished {
          try blend(plan)
          continue
        }
        start = number == point.phase ? point.checkpoint : nil
      }
      try checkStop()
      if case .stopped(let step) = try train(plan, from: start) { return .stopped(phase: plan.name, step: step) }
      try blend(plan)
    }
    return .finished
  }

  /// Opens what the run begins with; one that was stopped before its first checkpoint knows that from its record.
  private func open(_ given: StartingPoint?, isResuming: Bool) throws -> Start? {
    guard let start = try given ?? (isResuming ? inputs.directory.record().from : nil) else { return nil }
    let opened = try start.open(config, vocabulary, communicator: communicator)
    if communicator.rank == 0 { try inputs.directory.note(opened.point) }
    return opened
  }

  /// Reads the start into a new model and says what became of the items.
  private func begin(_ contents: CheckpointContents, with start: Start) throws {
    let match = try start.point.load(start.checkpoint, into: contents, communicator: communicator, checkStop: checkStop)
    console.note(
      "beginning with \(start.checkpoint.path): \(HumanFormat.count(match.known)) known items, "
        + "\(HumanFormat.count(match.new)) new, \(HumanFormat.count(match.gone)) gone")
    log?.start(start.point, match)
  }

  private func checkStop() throws {
    if shouldStop() { throw StoppedEarly() }
  }

  private func describe(_ point: ResumePoint?) -> String {
    guard let manifest = point?.checkpoint.manifest else { return "there is no checkpoint yet: the run begins" }
    return "going on from \(manifest.phase), step \(manifest.step) of \(manifest.steps)"
  }

  /// A run that goes on writes behind its checkpoint's line; of phases that are trained anew nothing stays, of others everything.
  private func openLog(_ selected: [PhasePlan], _ point: ResumePoint?) throws {
    guard communicator.rank == 0 else { return }
    let names = selected.map(\.name)
    log = try RunLog(inputs.directory, config.log, console: console, phases: plans.map(\.name)) { line in
      guard let number = names.firstIndex(of: line.phase) else { return true }
      guard let point, number <= point.phase else { return false }
      let manifest = point.checkpoint.manifest
      guard number == point.phase, line.step >= manifest.step else { return true }
      return line.step == manifest.step && (manifest.isEvaluated || !line.isEvaluation)
    }
  }

  /// A phase's model before its first step; with `userHead`, as the phase has it.
  private func makeModel(_ userHead: ModelShape.UserHeadKind? = nil) throws -> PreciseModel {
    try ModelFactory.make(
      config, inputs.dataset, inputs.states, communicator: communicator, userHead: userHead, checkStop: checkStop)
  }

  /// The universal phase's result, read back from its checkpoint; rank 0's view of the folder counts.
  private func loadUniversal() throws -> PreciseModel {
    let store = CheckpointStore(path: inputs.directory.checkpointsPath(phase: plans[0].name))
    let found = try communicator.broadcast(communicator.rank == 0 ? try store.result()?.path : nil)
    guard !found.isEmpty else {
      throw InputError("\(store.path) holds no checkpoint; train the universal phase first (--phase universal)")
    }
    let checkpoint = try Checkpoint(path: found)
    try checkpoint.checkEncoding(vocabulary) { $0.isSame(as: $1) }
    try ResumePoint.checkSettings(checkpoint, config)
    let model = try makeModel()
    try checkpoint.loadResult(into: model, communicator: communicator, checkStop: checkStop)
    return model
  }

  /// Blends the text of items into the scores of a phase's result, where the data set has their vectors.
  private func blend(_ plan: PhasePlan) throws {
    guard let vectors = try ModelFactory.textVectors(config, inputs.dataset) else { return }
    let store = CheckpointStore(path: inputs.directory.checkpointsPath(phase: plan.name))
    let found = try communicator.broadcast(communicator.rank == 0 ? try store.result()?.path : nil)
    guard !found.isEmpty else { return }
    let step = BlendStep(
      config: config, dataset: inputs.dataset, vectors: vectors, communicator: communicator, shouldStop: shouldStop)
    guard let fit = try step.run(plan, try Checkpoint(path: found), model: { try makeModel(plan.userHead) }) else { return }
    console.note("\(plan.name): \(fit)")
  }

  private func train(_ plan: PhasePlan, from start: Checkpoint?) throws -> PhaseTrainer.End {
    let model =
      if plan.kind.isUniversal || start != nil {
        try makeModel(plan.userHead)
      } else {
        PreciseModel(
          ModelFactory.shape(config, inputs.dataset, inputs.states, userHead: plan.userHead), continuing: try loadUniversal(),
          seed: config.seed)
      }
    if start == nil && communicator.rank == 0 {
      try CheckpointStore(path: inputs.directory.checkpointsPath(phase: plan.name)).removeAll()
    }
    let begin = self.start.flatMap { start in plan.kind.isUniversal ? { try self.begin($0, with: start) } : nil }
    let trainer = try PhaseTrainer(
      plan, model: model, from: start,
      begin: begin, config: config, precision: precision, dataset: inputs.dataset, vocabulary: vocabulary,
      directory: inputs.directory, communicator: communicator, log: log, shouldStop: shouldStop)
    return try trainer.run()
  }

  private typealias Start = (point: StartingPoint, checkpoint: Checkpoint)

  private var vocabulary: CheckpointVocabulary { CheckpointVocabulary(inputs.dataset, inputs.states) }
}
