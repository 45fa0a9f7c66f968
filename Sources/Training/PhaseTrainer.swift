import Checkpoints
import Collectives
import Config
import Datasets
import Evaluation
import Files
import Foundation
import Host
import Logging
import Model
import Reporting
import Runs
import Tensors

/// Trains one phase from its first step, or from a checkpoint, to its last, judging and keeping the model on the way.
final class PhaseTrainer {
  /// How a phase ends.
  enum End: Equatable {
    case finished
    /// By a signal, after so many steps; a checkpoint of them is in place.
    case stopped(step: Int)
  }

  let plan: PhasePlan
  let model: PreciseModel
  let steps: Int
  private let work: Stopwatch<Work>
  private let config: RunConfig
  private let dataset: Dataset
  private let log: RunLog?
  private let communicator: any Communicator
  private let stepsPerEpoch: Int
  /// The validation metric that checkpoints are chosen by.
  private let metric: String
  private let store: CheckpointStore
  private let step: TrainStep
  private let evaluator: Evaluator
  private let keeper: CheckpointKeeper
  private let faults: FaultySteps
  private let watch: TrainingWatch?
  private let start: Checkpoint?
  /// Whether negatives are drawn among fewer items than by the rule of earlier versions.
  private let leavesItemsOut: Bool
  private let isContinued: Bool
  private let shouldStop: () -> Bool
  private let workspace = Workspace()
  private let logger = Logger(label: "precise.training")

  /// - Parameters:
  ///   - start: a checkpoint of this phase to go on from; it is read into `model`.
  ///   - begin: gives a phase that begins another model's numbers to begin with.
  init(
    _ plan: PhasePlan, model: PreciseModel, from start: Checkpoint?, begin: ((CheckpointContents) throws -> Void)?,
    config: RunConfig, precision: Precision, dataset: Dataset, vocabulary: CheckpointVocabulary, directory: RunDirectory,
    communicator: any Communicator, log: RunLog?, shouldStop: @escaping () -> Bool
  ) throws {
    self.shouldStop = shouldStop
    self.plan = plan
    self.model = model
    self.config = config
    self.dataset = dataset
    self.log = log
    self.communicator = communicator
    work = Stopwatch("between steps", timeline: communicator.state.timeline)
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let source = try plan.batches(dataset, config, communicator: communicator)
    let users = source.order.users
    stepsPerEpoch = source.order.stepsPerEpoch
    steps = plan.steps ?? plan.epochs * stepsPerEpoch
    if steps > 0, let problem = plan.problem(users: users) { throw InputError("phase \(plan.name): \(problem)") }
    logger.debug("phase", metadata: ["name": "\(plan.name)", "users": "\(users)", "steps_per_epoch": "\(stepsPerEpoch)"])
    let negatives = try Memory.use(for: .itemNumbers, { plan.negatives(config, trainCounts: dataset.items.trainCounts) }).map {
      try SharedNegatives(
        $0, of: source, shardCount: dataset.shardCount, isCorrected: plan.correctsLogQ, communicator: communicator)
    }
    leavesItemsOut = negatives?.leavesItemsOut ?? false
    freeze(plan, model)
    step = TrainStep(
      model, plan: plan, config: config, precision: precision, steps: steps, source: source, negatives: negatives,
      communicator: communicator)
    evaluator = Evaluator(
      dataset, shards: shards, cutoffs: config.evaluation.cutoffs(items: dataset.items.count), communicator: communicator,
      catalogueBytes: config.evaluation.catalogueBytes)
    let contents = CheckpointContents(
      model, optimizer: step.optimizer, configuration: ConfigWriter.text(config), itemKey: { dataset.items.key($0) },
      vocabulary: vocabulary)
    try start?.load(into: contents, communicator: communicator, isVerified: true) {
      if shouldStop() { throw StoppedEarly() }
    }
    if start == nil { try begin?(contents) }
    self.start = start
    metric = config.evaluation.metric(items: dataset.items.count)
    store = CheckpointStore(path: directory.checkpointsPath(phase: plan.name))
    isContinued = begin != nil
    keeper = try CheckpointKeeper(
      config.checkpoint, contents, store: store, communicator: communicator)
    step.betweenLayers = { [keeper] in try keeper.advance() }
    let faults = FaultySteps(plan.name, config, dataset, directory, communicator: communicator)
    self.faults = faults
    step.onFault = { try faults.handle($0) }
    watch = communicator.rank == 0 ? TrainingWatch(plan.name, config) : nil
  }

  /// Every step of the phase that is not made yet.
  ///
  /// Its result is the best checkpoint by the validation metric, or the last.
  func run() throws -> End {
    log?.begin(plan.name, steps: steps, done: start?.manifest.step ?? 0, unlogged: start?.manifest.unlogged)
    if let start, start.manifest.order != EpochOrder.rule, (1..<steps).contains(start.manifest.step) {
      log?.console.note(
        "warning: \(start.path) is of an earlier version, which drew users and negatives by another rule; \(plan.name) goes on by "
          + "the new one, so its epoch under way is not one pass over the users")
    }
    if let start, leavesItemsOut, start.manifest.negatives != NegativeSampler.rule, (1..<steps).contains(start.manifest.step) {
      log?.console.note(
        "warning: \(start.path) is of an earlier version, which drew negatives among all items; \(plan.name) goes on with those "
          + "that have training events")
    }
    let end = try Timeline.record("phase", plan.name, on: communicator.state.timeline, runSteps)
    log?.end(end == .finished ? try store.result()?.manifest : nil)
    return end
  }

  private func runSteps() throws -> End {
    let first = start?.manifest.step ?? 0
    guard try judgeStart() else { return .stopped(step: first) }
    for step in first..<max(first, steps) {
      communicator.state.resetTraffic()
      communicator.state.position = (plan.name, step + 1)
      let report = try self.step.run(step, notes: notes)
      let communication = communicator.state.seconds.reduce(0, +)
      if !report.isSkipped {
        faults.pass()
        watch?.observe(step, report, self.step.routing)
      }
      log?.step(
        step, report, routing: self.step.routing, seconds: self.step.clock.total, communication: communication,
        last: step + 1 == steps)
      try keeper.afterStep(isBehind: report.notes.isBehind)
      guard try afterStep(step + 1, report.notes) else {
        // The next step's numbers are on their way already.
        try self.step.settle()
        return .stopped(step: step + 1)
      }
    }
    try keeper.finish()
    return .finished
  }

  /// What is due before the first step; false when a signal stopped it.
  ///
  /// A phase that starts from trained numbers is evaluated before its first step too: it must end above where it started, or its result
  /// is the start. A run
  /// that goes on makes up for an evaluation that was stopped.
  private func judgeStart() throws -> Bool {
    if let start {
      guard !start.manifest.isEvaluated else { return true }
      guard case .scored(let score) = try evaluate(start.manifest.step) else { return false }
      if communicator.rank == 0 {
        _ = try start.evaluated(by: score == nil ? nil : metric, score: score)
      }
      try communicator.barrier()
      keeper.learn(score)
      return true
    }
    guard steps == 0 || !plan.kind.isUniversal || isContinued else { return true }
    let setting = try evaluate(0)
    try keep(step: 0, setting, mustExist: true)
    return setting != .stopped
  }

  /// What this rank has to tell the others in the next step.
  private var notes: StepNotes {
    var notes = StepNotes()
    notes.wantsCheckpoint = keeper.isTimeToSave
    notes.wantsStop = shouldStop()
    notes.isBehind = keeper.isBehind
    return notes
  }

  /// Judges and keeps the model where that is due; false when a signal stops the run, after a checkpoint.
  private func afterStep(_ done: Int, _ notes: StepNotes) throws -> Bool {
    let saves = keeper.isDue(after: done) || notes.wantsCheckpoint
    let judges = isJudgementDue(after: done)
    guard judges || saves || notes.wantsStop else { return true }
    let setting = judges ? try evaluate(done) : .scored(nil)
    let stops = notes.wantsStop || setting == .stopped
    // A evaluated model is kept only when it may be the result: the last, or better than what is there.
    if saves || stops || done == steps || keeper.isBest(setting.score) {
      try keep(step: done, setting, mustExist: stops || done == steps)
    }
    return !stops
  }

  private func isJudgementDue(after step: Int) -> Bool {
    let everyEpochs = config.evaluation.everyEpochs
    return step == steps || (everyEpochs > 0 && step % (everyEpochs * stepsPerEpoch) == 0)
  }

  /// What an evaluation says of a model.
  private enum Setting: Equatable {
    /// A signal stopped it.
    case stopped
    /// The metric that checkpoints are chosen by; nil when there is nobody to judge by, or nothing to judge.
    case scored(Double?)

    var score: Double? { if case .scored(let score) = self { score } else { nil } }
  }

  private func evaluate(_ step: Int) throws -> Setting {
    work.reset()
    let task = plan.task(.validation, filterSeen: config.evaluation.filterSeen)
    let measured = try work.time(.evaluation) {
      try Memory.use(for: .evaluation) { try evaluator.evaluate(model, task, workspace: workspace, shouldStop: shouldStop) }
    }
    guard let metrics = measured else { return .stopped }
    if step == steps { try examineMixture() }
    guard metrics.users(in: "all") > 0 else { return .scored(nil) }
    let fields = EvaluationRecord.protocolFields(task, dataset, model: model.shape, checkpoint: "step \(step)")
    log?.evaluation(
      .init(phase: plan.name, split: task.split.rawValue, metrics: metrics, protocolFields: fields), step: step,
      seconds: work[.evaluation])
    return .scored(metrics.value(of: metric))
  }

  /// Says how the experts share out the items after the phase's last step; before its checkpoint, so that a run that goes on has said it once.
  private func examineMixture() throws {
    let found = try Memory.use(for: .evaluation) {
      try MixtureHealth(model, dataset, communicator: communicator, workspace: workspace)
    }
    if let found { log?.mixture(found, step: steps) }
  }

  private func keep(step: Int, _ setting: Setting, mustExist: Bool) throws {
    let manifest = CheckpointManifest(
      phase: plan.name, step: step, steps: steps, epoch: Double(step) / Double(stepsPerEpoch),
      updates: self.step.optimizer.updates, isEvaluated: setting != .stopped, unlogged: log?.unlogged,
      dataset: dataset.manifest.checksum,
      items: dataset.items.count, selectedBy: setting.score == nil ? nil : metric, score: setting.score,
      order: EpochOrder.rule, negatives: NegativeSampler.rule)
    work.reset()
    let mode = try work.time(.checkpoint) { try keeper.keep(manifest, mustExist: mustExist) }
    log?.checkpoint(step: step, seconds: work[.checkpoint], isAsynchronous: mode == .asynchronous)
  }

  /// What happens between steps.
  private enum Work: Int, CaseIterable {
    case evaluation, checkpoint
  }
}

/// Keeps the groups of parameters that a targeted phase names as they are.
private func freeze(_ plan: PhasePlan, _ model: PreciseModel) {
  guard case .targeted(let phase) = plan.kind else { return }
  model.parameters.freeze { name in
    if name.hasPrefix("fusion.") { return phase.freeze.contains(.fusion) }
    return !name.hasPrefix("user.") && phase.freeze.contains(.transformer)
  }
}
