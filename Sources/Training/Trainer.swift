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
    /// How long each phase is, for who waits; may be empty.
    package let lengths: [PhasePlan.Length]
    /// What says that the run directory is this job's; rank 0's alone, nil where nobody else could be in it.
    package let lock: RunLock?

    /// Puts the inputs together.
    package init(
      dataset: Dataset, states: TokenStates?, directory: RunDirectory, lengths: [PhasePlan.Length] = [], lock: RunLock? = nil
    ) {
      self.lock = lock
      self.dataset = dataset
      self.states = states
      self.directory = directory
      self.lengths = lengths
    }
  }

  /// How a run ends.
  package enum Outcome: Sendable, Equatable {
    /// All phases that were asked for are trained.
    case finished
    /// A signal stopped it after so many steps of a phase; a checkpoint of them is in place.
    case stopped(phase: String, step: Int)
  }

  /// What each phase that this run trained was worth; on rank 0.
  package private(set) var outcomes: [PhaseOutcome] = []
  /// What the factors of products are rounded to: `fp32`, `bf16`.
  package var precision: String { "\(context.precision)" }
  private let console: Console
  private var context: RunContext

  /// Makes a run; only rank 0 writes a log.
  ///
  /// - Parameter shouldStop: asked in each step, and now and then besides, whether this rank wants the run to stop.
  package init(
    _ config: RunConfig, _ inputs: Inputs, communicator: any Communicator, console: Console,
    shouldStop: @escaping () -> Bool = { StopSignal.isRequested }
  ) throws {
    self.console = console
    Engine.prepareThread()
    communicator.state.timeout = config.guards.timeoutS
    let agreed = try StepPrecision(config.compute, communicator: communicator)
    agreed.take()
    if let warning = agreed.warning { console.note("warning: \(warning)") }
    context = RunContext(
      config: config, inputs: inputs, plans: PhasePlan.all(config, inputs.dataset), communicator: communicator,
      precision: agreed.precision, shouldStop: shouldStop)
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
    let selected = PhasePlan.selected(context.plans, selection).map(\.plan)
    guard !selected.isEmpty else {
      let names = context.plans.map(\.name).joined(separator: ", ")
      throw InputError("no phase is named \(selection ?? ""); the configuration has \(names)")
    }
    let point = isResuming ? try findResumePoint(selected) : nil
    try openLog(selected, point)
    for (number, plan) in selected.enumerated() {
      guard point?.hasFinished(phase: number) != true else {
        try blend(plan)
        continue
      }
      try context.checkStop()
      let begun = point.flatMap { $0.phase == number ? $0.checkpoint : nil }
      let beginning = try begun.map { .resume($0) } ?? makeStart(of: plan, given: start, resuming: isResuming)
      if case .stopped(let step) = try train(plan, from: beginning) { return .stopped(phase: plan.name, step: step) }
      try blend(plan)
    }
    try context.inputs.lock?.checkInPlace()
    context.log?.finish()
    return .finished
  }

  private func findResumePoint(_ selected: [PhasePlan]) throws -> ResumePoint? {
    let point = try ResumePoint.find(
      selected, context.inputs.directory, context.inputs.dataset, context.vocabulary, context.config,
      communicator: context.communicator)
    if let point { try checkResults(selected, point) }
    if let manifest = point?.checkpoint.manifest {
      console.note("going on from \(manifest.phase), step \(manifest.step) of \(manifest.steps)")
    } else {
      console.note("there is no checkpoint yet: the run begins")
    }
    return point
  }

  /// Looks at the results that the run reads only later: the best so far of the phase that goes on, and the universal one where a phase
  /// is still to start from it.
  ///
  /// Collective; throws `InputError` when one is damaged.
  private func checkResults(_ selected: [PhasePlan], _ point: ResumePoint) throws {
    let plan = selected[point.phase]
    let isStarted = plan.kind.isUniversal || point.phase == selected.count - 1
    for plan in isStarted ? [plan] : [context.plans[0], plan] {
      // The checkpoint that the run goes on from has just been read.
      guard let result = try context.result(of: plan), result.path != point.checkpoint.path else { continue }
      try result.verifyResult(sharedBy: context.communicator)
    }
  }

  /// What a phase begins with that has no checkpoint of its own.
  private func makeStart(of plan: PhasePlan, given: StartingPoint?, resuming isResuming: Bool) throws -> PhaseStart {
    guard plan.kind.isUniversal else { return .universal }
    // A run that was stopped before its first checkpoint knows from its record what it began with.
    guard let start = try given ?? (isResuming ? context.inputs.directory.record().from : nil) else { return .fresh }
    let (point, checkpoint) = try start.open(context.config, context.vocabulary, communicator: context.communicator)
    if context.communicator.rank == 0 { try context.inputs.directory.note(point) }
    return .warmStart(point, checkpoint)
  }

  /// A run that goes on writes behind its checkpoint's line; of phases that are trained anew nothing stays, of others everything.
  private func openLog(_ selected: [PhasePlan], _ point: ResumePoint?) throws {
    guard context.communicator.rank == 0 else { return }
    let (names, config) = (selected.map(\.name), context.config)
    context.log = try RunLog(
      context.inputs.directory, config, job(selected), console: console, phases: context.plans.map(\.name),
      lock: context.inputs.lock
    ) { line in
      guard let number = names.firstIndex(of: line.phase) else { return true }
      guard let point, number <= point.phase else { return false }
      let manifest = point.checkpoint.manifest
      guard number == point.phase, line.step >= manifest.step else { return true }
      return line.step == manifest.step && (manifest.isEvaluated || !line.isEvaluation)
    }
    context.log?.settings(config, run: context.inputs.directory.path)
  }

  private func job(_ selected: [PhasePlan]) -> BeginRecord.Job {
    let lengths = context.inputs.lengths.filter { length in selected.contains { $0.name == length.plan.name } }
    return BeginRecord.Job(
      ranks: context.communicator.size, precision: "\(context.precision)",
      metric: context.config.evaluation.metric(items: context.inputs.dataset.items.count),
      phases: lengths.map {
        .init(phase: $0.plan.name, steps: $0.steps, stepsPerEpoch: $0.stepsPerEpoch, users: $0.users)
      })
  }

  /// Blends the text of items into the scores of a phase's result, where the data set has their vectors.
  private func blend(_ plan: PhasePlan) throws {
    guard let vectors = try ModelFactory.textVectors(context.config, context.inputs.dataset),
      let result = try context.result(of: plan)
    else { return }
    let step = BlendStep(
      config: context.config, dataset: context.inputs.dataset, vectors: vectors, communicator: context.communicator,
      shouldStop: context.shouldStop)
    context.log?.show(plan.name, busy: "blending scores with text")
    defer { context.log?.show(plan.name, busy: nil) }
    guard let fit = try step.run(plan, result, model: { try context.makeModel(plan.userHead) }) else { return }
    console.note("\(plan.name): \(fit)")
  }

  private func train(_ plan: PhasePlan, from start: PhaseStart) throws -> PhaseTrainer.End {
    if start.resumed == nil && context.communicator.rank == 0 { try context.store(of: plan).removeAll() }
    let trainer = try PhaseTrainer(plan, from: start, in: context)
    let end = try trainer.run()
    outcomes += [trainer.outcome].compactMap { $0 }
    return end
  }
}
