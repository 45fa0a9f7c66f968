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

/// Trains one phase from its first step, or from a checkpoint, to its last, evaluating and keeping the model on the way.
final class PhaseTrainer {
  /// How a phase ends.
  enum End: Equatable {
    case finished
    /// By a signal, after so many steps; a checkpoint of them is in place.
    case stopped(step: Int)
  }

  private let plan: PhasePlan
  private let model: PreciseModel
  private let steps: Int
  private let work: Stopwatch<Work>
  private let config: RunConfig
  private let dataset: Dataset
  private let log: RunLog?
  private let communicator: any Communicator
  private let users: Int
  private let stepsPerEpoch: Int
  private let schedule: EvaluationSchedule
  /// The validation metric that checkpoints are chosen by.
  private let metric: String
  private let store: CheckpointStore
  private let step: TrainStep
  private let evaluator: Evaluator
  private let keeper: CheckpointKeeper
  private let faults: FaultySteps
  private let watch: TrainingWatch?
  /// Rank 0's hold on the run directory.
  private let lock: RunLock?
  private let start: PhaseStart
  /// Whether negatives are drawn among fewer items than by the rule of earlier versions.
  private let leavesItemsOut: Bool
  private let shouldStop: () -> Bool
  private let workspace = Workspace()
  private let rankTimes = RankTimes()
  private var paceWatch: PaceWatch
  private let parameters: Int
  /// Whether the run began with another run's numbers; on rank 0.
  private let hasOrigin: Bool
  /// What the phase was worth; on rank 0, once it is over.
  private(set) var outcome: PhaseOutcome?
  /// Whether evaluations that found nothing better ended the phase.
  private var isEarly = false
  /// Steps that are made.
  private var reached = 0
  private let logger = Logger(label: "precise.training")

  init(_ plan: PhasePlan, from start: PhaseStart, in run: RunContext) throws {
    let (config, dataset, communicator) = (run.config, run.inputs.dataset, run.communicator)
    self.plan = plan
    self.start = start
    self.config = config
    self.dataset = dataset
    self.communicator = communicator
    log = run.log
    paceWatch = PaceWatch(everySteps: config.log.everySteps)
    shouldStop = run.shouldStop
    model = try start.makeModel(plan, run)
    work = Stopwatch("between steps", timeline: communicator.state.timeline)
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let source = try plan.batches(dataset, config, communicator: communicator)
    users = source.order.users
    stepsPerEpoch = source.order.stepsPerEpoch
    steps = plan.steps ?? plan.epochs * stepsPerEpoch
    schedule = EvaluationSchedule(
      everyEpochs: config.evaluation.everyEpochs, stepsPerEpoch: stepsPerEpoch, steps: steps, patience: config.evaluation.patience
    )
    if steps > 0, let problem = plan.problem(users: users) { throw InputError("phase \(plan.name): \(problem)") }
    logger.debug("phase", metadata: ["name": "\(plan.name)", "users": "\(users)", "steps_per_epoch": "\(stepsPerEpoch)"])
    let negatives = try Memory.use(for: .itemNumbers, { plan.negatives(config, trainCounts: dataset.items.trainCounts) }).map {
      try SharedNegatives(
        $0, of: source, shardCount: dataset.shardCount, isCorrected: plan.correctsLogQ, communicator: communicator)
    }
    leavesItemsOut = negatives?.leavesItemsOut ?? false
    model.parameters.freeze { plan.freezes($0) }
    step = TrainStep(
      model, plan: plan, config: config, precision: run.precision, steps: steps, source: source, negatives: negatives,
      communicator: communicator)
    evaluator = Evaluator(
      dataset, shards: shards, cutoffs: config.evaluation.cutoffs(items: dataset.items.count), communicator: communicator,
      catalogueBytes: config.evaluation.catalogueBytes)
    let contents = CheckpointContents(
      model, optimizer: step.optimizer, configuration: ConfigWriter.text(config), itemKey: { dataset.items.key($0) },
      vocabulary: run.vocabulary)
    try start.load(into: contents, run)
    metric = config.evaluation.metric(items: dataset.items.count)
    store = run.store(of: plan)
    keeper = try CheckpointKeeper(config.checkpoint, contents, store: store, communicator: communicator)
    step.betweenLayers = { [keeper] in try keeper.advance() }
    let faults = FaultySteps(plan.name, config, dataset, run.inputs.directory, communicator: communicator)
    self.faults = faults
    let lock = run.inputs.lock
    self.lock = lock
    step.onFault = {
      try lock?.checkInPlace()
      try faults.handle($0)
    }
    hasOrigin = communicator.rank == 0 && (try? run.inputs.directory.record())?.from != nil
    parameters = ModelFactory.parameters(
      model.parameters.gradients.count, model.shape.fusion, dataset, run.inputs.states)
    watch = communicator.rank == 0 ? TrainingWatch(plan.name, config) : nil
  }

  /// Every step of the phase that is not made yet.
  ///
  /// Its result is the best checkpoint by the validation metric, or the last.
  func run() throws -> End {
    let resumed = start.resumed?.manifest
    if let log {
      let length = BeginRecord.Length(phase: plan.name, steps: steps, stepsPerEpoch: stepsPerEpoch, users: users)
      let record = BeginRecord(length, step: resumed?.step ?? 0, parameters: parameters, job: log.job)
      try log.begin(record, schedule, unlogged: resumed?.unlogged)
    }
    if let checkpoint = start.resumed { warnOfEarlierVersions(checkpoint) }
    let end = try Timeline.record("phase", plan.name, on: communicator.state.timeline, runSteps)
    outcome = try log?.end(
      end == .finished ? try store.result()?.manifest : nil, step: reached, start: beginning, isEarly: isEarly)
    return end
  }

  /// What the phase began with, in this start or an earlier one.
  private var beginning: PhaseOutcome.Start {
    plan.kind.isUniversal ? (hasOrigin ? .earlierRun : .fresh) : .universal
  }

  /// A phase under way goes on by today's rules, also where its checkpoint was made by others.
  private func warnOfEarlierVersions(_ checkpoint: Checkpoint) {
    guard (1..<steps).contains(checkpoint.manifest.step) else { return }
    if checkpoint.manifest.order != EpochOrder.rule {
      log?.note(
        "warning: \(checkpoint.path) is of an earlier version, which drew users and negatives by another rule; \(plan.name) goes on by "
          + "the new one, so its epoch under way is not one pass over the users")
    }
    if leavesItemsOut, checkpoint.manifest.negatives != NegativeSampler.rule {
      log?.note(
        "warning: \(checkpoint.path) is of an earlier version, which drew negatives among all items; \(plan.name) goes on with those "
          + "that have training events")
    }
  }

  private func runSteps() throws -> End {
    let first = start.resumed?.manifest.step ?? 0
    reached = first
    guard try evaluateStart() else { return .stopped(step: first) }
    // It may have been stopped between its last evaluation and its end.
    isEarly = first < steps && schedule.isOver(after: first, best: keeper.best?.step)
    for step in first..<max(first, isEarly ? first : steps) {
      communicator.state.resetTraffic()
      communicator.state.position = (plan.name, step + 1)
      let report = try self.step.run(step, notes: notes)
      let communication = communicator.state.seconds.reduce(0, +)
      if !report.isSkipped {
        faults.pass()
        watch?.observe(step, report, self.step.routing)
      }
      reached = step + 1
      rankTimes.add(self.step.clock, waiting: communication)
      try log?.step(
        step, report, routing: self.step.routing, seconds: self.step.clock.total, communication: communication,
        last: step + 1 == steps)
      try watchPace(waiting: communication)
      try keeper.afterStep(isBehind: report.notes.isBehind)
      guard try afterStep(step + 1, report.notes) else {
        // The next step's numbers are on their way already.
        try self.step.settle()
        return .stopped(step: step + 1)
      }
      isEarly = step + 1 < steps && isOver(after: step + 1)
      if isEarly {
        try self.step.settle()
        break
      }
    }
    try keeper.finish()
    return .finished
  }

  /// Says when some ranks hold up the others; collective.
  private func watchPace(waiting: Double) throws {
    guard let pace = try paceWatch.add(seconds: step.clock.total, waiting: waiting, communicator),
      let news = paceWatch.news(pace)
    else { return }
    let line =
      switch news {
      case .slow(let ranks): "warning: \(try pace.sentence(ranks, communicator))"
      case .even: "no rank is slower than the others any more"
      }
    log?.note("\(plan.name), step \(HumanFormat.count(reached)): \(line)")
  }

  /// What is due before the first step; false when a signal stopped it.
  ///
  /// A phase that starts from numbers trained elsewhere is evaluated before its first step too. A run that goes on makes up for an
  /// evaluation that was stopped.
  private func evaluateStart() throws -> Bool {
    if let resumed = start.resumed {
      guard !resumed.manifest.isEvaluated else { return true }
      guard case .scored(let score) = try evaluate(resumed.manifest.step) else { return false }
      if communicator.rank == 0 {
        _ = try resumed.evaluated(by: score == nil ? nil : metric, score: score)
      }
      try communicator.barrier()
      keeper.learn(score, step: resumed.manifest.step)
      return true
    }
    guard steps == 0 || start.isTrainedElsewhere else { return true }
    let outcome = try evaluate(0)
    try keep(step: 0, outcome, mustExist: true)
    return outcome != .stopped
  }

  /// What this rank has to tell the others in the next step.
  private var notes: StepNotes {
    var notes = StepNotes()
    notes.wantsCheckpoint = keeper.isTimeToSave
    notes.wantsStop = shouldStop()
    notes.isBehind = keeper.isBehind
    return notes
  }

  /// Evaluates and keeps the model where that is due; false when a signal stops the run, after a checkpoint.
  private func afterStep(_ done: Int, _ notes: StepNotes) throws -> Bool {
    let saves = keeper.isDue(after: done) || notes.wantsCheckpoint
    let evaluates = schedule.isDue(after: done)
    guard evaluates || saves || notes.wantsStop else { return true }
    let outcome = evaluates ? try evaluate(done) : .scored(nil)
    let stops = notes.wantsStop || outcome == .stopped
    // An evaluated model is kept only when it may be the result: the last, or better than what is there.
    let isLast = done == steps || !keeper.isBetter(outcome.score) && isOver(after: done)
    if saves || stops || isLast || keeper.isBest(outcome.score) {
      try keep(step: done, outcome, mustExist: stops || isLast)
    }
    return !stops
  }

  /// Whether the evaluation after a step, which found nothing better, is the one that ends the phase.
  private func isOver(after step: Int) -> Bool {
    schedule.isDue(after: step) && schedule.isOver(after: step, best: keeper.best?.step)
  }

  /// What an evaluation says of a model.
  private enum EvaluationOutcome: Equatable {
    /// A signal stopped it.
    case stopped
    /// The metric that checkpoints are chosen by; nil when there is nobody to evaluate with, or nothing to evaluate.
    case scored(Double?)

    var score: Double? { if case .scored(let score) = self { score } else { nil } }
  }

  private func evaluate(_ step: Int) throws -> EvaluationOutcome {
    if let times = try rankTimes.take(phase: plan.name, step: step, communicator) { try log?.rankTimes(times) }
    work.reset()
    let task = plan.task(.validation, filterSeen: config.evaluation.filterSeen)
    let measured = try work.time(.evaluation) {
      try Memory.use(for: .evaluation) {
        try evaluator.evaluate(
          model, task, workspace: workspace, progress: { log?.evaluating(users: $0) }, shouldStop: shouldStop)
      }
    }
    guard let metrics = measured else { return .stopped }
    let score = metrics.value(of: metric)
    if step == steps || !keeper.isBetter(score) && isOver(after: step) { try examineMixture(step) }
    guard metrics.users(in: "all") > 0 else { return .scored(nil) }
    let fields = EvaluationRecord.protocolFields(task, dataset, model: model.shape, checkpoint: "step \(step)")
    try log?.evaluation(
      .init(phase: plan.name, split: task.split.rawValue, metrics: metrics, protocolFields: fields), step: step,
      seconds: work[.evaluation])
    return .scored(score)
  }

  /// Says how the experts share out the items after the phase's last step, `step`; before its checkpoint, so that a run that goes on has said it once.
  private func examineMixture(_ step: Int) throws {
    let found = try Memory.use(for: .evaluation) {
      try MixtureHealth(model, dataset, communicator: communicator, workspace: workspace)
    }
    if let found { try log?.mixture(found, step: step) }
  }

  private func keep(step: Int, _ outcome: EvaluationOutcome, mustExist: Bool) throws {
    // A checkpoint makes the folders that it lies in, and another job's may stand there by now.
    try lock?.checkInPlace()
    let manifest = CheckpointManifest(
      phase: plan.name, step: step, steps: steps, epoch: Double(step) / Double(stepsPerEpoch),
      updates: self.step.optimizer.updates, isEvaluated: outcome != .stopped, unlogged: log?.unlogged,
      dataset: dataset.manifest.checksum,
      items: dataset.items.count, selectedBy: outcome.score == nil ? nil : metric, score: outcome.score,
      order: EpochOrder.rule, negatives: NegativeSampler.rule)
    work.reset()
    let mode = try work.time(.checkpoint) { try keeper.keep(manifest, mustExist: mustExist) }
    try log?.checkpoint(step: step, seconds: work[.checkpoint], isAsynchronous: mode == .asynchronous)
  }

  /// What happens between steps.
  private enum Work: Int, CaseIterable {
    case evaluation, checkpoint
  }
}
