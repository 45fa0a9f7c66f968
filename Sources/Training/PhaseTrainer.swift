import Batches
import Collectives
import Config
import Datasets
import Evaluation
import Foundation
import Logging
import Model
import Reporting
import Tensors

/// Trains one phase from its first step to its last, judging and keeping the model on the way.
final class PhaseTrainer {
  let plan: PhasePlan
  let model: PreciseModel
  let steps: Int

  init(
    _ plan: PhasePlan, model: PreciseModel, config: RunConfig, precision: Precision, dataset: Dataset, directory: RunDirectory,
    communicator: any Communicator, log: RunLog?
  ) throws {
    self.plan = plan
    self.model = model
    self.config = config
    self.dataset = dataset
    self.log = log
    self.communicator = communicator
    work = Stopwatch("between steps", timeline: communicator.state.timeline)
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let source = try plan.batches(
      dataset, shards: shards, usersPerShard: config.batch.users / dataset.shardCount, seed: config.seed)
    let users = try communicator.gatherCounts(source.users).reduce(0, +)
    stepsPerEpoch = max(1, (users + config.batch.users - 1) / config.batch.users)
    steps = users == 0 ? 0 : plan.steps ?? plan.epochs * stepsPerEpoch
    if users == 0, communicator.rank == 0 {
      logger.warning("no user has an event to train on; the phase ends as it begins", metadata: ["phase": "\(plan.name)"])
    }
    logger.debug("phase", metadata: ["name": "\(plan.name)", "users": "\(users)", "steps_per_epoch": "\(stepsPerEpoch)"])
    let negatives = try plan.negatives(items: dataset.items.count, seed: config.seed).map {
      try SharedNegatives(
        $0, shardCount: dataset.shardCount, correctedFor: plan.correctsChances ? source : nil, communicator: communicator)
    }
    freeze(plan, model)
    step = TrainStep(
      model, plan: plan, config: config, precision: precision, steps: steps, source: source, negatives: negatives,
      communicator: communicator)
    evaluator = Evaluator(
      dataset, shards: shards, cutoffs: config.evaluation.cutoffs, communicator: communicator,
      catalogueBytes: config.evaluation.catalogueBytes)
    store = CheckpointStore(path: directory.checkpointsPath(phase: plan.name))
  }

  /// Every step of the phase.
  ///
  /// Its result is the best checkpoint by the validation metric, or the last.
  func run() throws {
    log?.begin(plan.name, steps: steps)
    try Timeline.record("phase", plan.name, on: communicator.state.timeline, runSteps)
    log?.end()
  }

  private func runSteps() throws {
    // A targeted phase is judged before its first step too: it must end above where it started, or its result is the start.
    if steps == 0 || !plan.kind.isUniversal { try keep(step: 0, score: try evaluate(0)) }
    for step in 0..<steps {
      communicator.state.resetTraffic()
      communicator.state.place = (plan.name, step + 1)
      let report = try self.step.run(step, wantsCheckpoint: isTimeToSave)
      let communication = communicator.state.seconds.reduce(0, +)
      warnOfDominatingExpert(report, step)
      try log?.step(step, report, seconds: self.step.clock.total, communication: communication, last: step + 1 == steps)
      try afterStep(step + 1, wantsCheckpoint: report.wantsCheckpoint)
    }
  }

  /// Said once: an expert that takes nearly every slot leaves the others without a gradient.
  private func warnOfDominatingExpert(_ report: StepReport, _ step: Int) {
    let config = config.model
    guard !hasWarned, communicator.rank == 0, config.experts > config.activeExperts, let share = report.busiestExpert,
      share * Double(config.activeExperts) > 0.95
    else { return }
    hasWarned = true
    logger.warning(
      "one expert is chosen for nearly every item; raise model.balance",
      metadata: ["phase": "\(plan.name)", "step": "\(step + 1)", "share": "\(share)"])
  }

  private func afterStep(_ done: Int, wantsCheckpoint: Bool) throws {
    let everyEpochs = config.evaluation.everyEpochs
    let judges = done == steps || (everyEpochs > 0 && done % (everyEpochs * stepsPerEpoch) == 0)
    let saves = (config.checkpoint.everySteps.map { done % $0 == 0 } ?? false) || wantsCheckpoint
    guard judges || saves else { return }
    let score = judges ? try evaluate(done) : nil
    // A judged model is kept only when it may be the result: the last, or better than what is there.
    if saves || done == steps || isBest(score) { try keep(step: done, score: score) }
  }

  /// Clocks differ from rank to rank: rank 0's decides.
  private var isTimeToSave: Bool {
    guard communicator.rank == 0 else { return false }
    return config.checkpoint.everyMinutes.map { Double(DispatchTime.now().uptimeNanoseconds - keptAt) * 1e-9 >= 60 * $0 } ?? false
  }

  private func isBest(_ score: Double?) -> Bool {
    guard let score, config.checkpoint.keepBest > 0 else { return false }
    return score > (bestScore ?? -1)
  }

  private func evaluate(_ step: Int) throws -> Double? {
    work.reset()
    let task = plan.task(.validation, filterSeen: config.evaluation.filterSeen)
    let metrics = try work.time(.evaluation) { try evaluator.evaluate(model, task, workspace: workspace) }
    guard metrics.users(in: "all") > 0 else { return nil }
    let fields = EvaluationRecord.protocolFields(task, dataset, checkpoint: "step \(step)")
    try log?.evaluation(
      .init(phase: plan.name, split: task.split.rawValue, metrics: metrics, protocolFields: fields), step: step,
      seconds: work[.evaluation])
    return metrics.value(of: config.evaluation.selectBy)
  }

  private func keep(step: Int, score: Double?) throws {
    let manifest = CheckpointManifest(
      phase: plan.name, step: step, epoch: Double(step) / Double(stepsPerEpoch), dataset: dataset.manifest.checksum,
      items: dataset.items.count, selectedBy: score == nil ? nil : config.evaluation.selectBy, score: score)
    try work.time(.checkpoint) {
      try Checkpoint.write(model, manifest, to: store.path(step: step), communicator: communicator)
    }
    keptAt = DispatchTime.now().uptimeNanoseconds
    if let score { bestScore = max(score, bestScore ?? score) }
    if communicator.rank == 0 { try prune() }
  }

  private func prune() throws {
    try store.prune(last: config.checkpoint.keepLast, best: config.checkpoint.keepBest)
  }

  /// What happens between steps.
  private enum Work: Int, CaseIterable {
    case evaluation, checkpoint
  }

  private let work: Stopwatch<Work>
  private let config: RunConfig
  private let dataset: Dataset
  private let log: RunLog?
  private let communicator: any Communicator
  private let stepsPerEpoch: Int
  private let step: TrainStep
  private let evaluator: Evaluator
  private let store: CheckpointStore
  private let workspace = Workspace()
  private let logger = Logger(label: "precise.training")
  private var bestScore: Double?
  private var hasWarned = false
  private var keptAt = DispatchTime.now().uptimeNanoseconds
}

/// Keeps the groups of parameters that a targeted phase names as they are.
private func freeze(_ plan: PhasePlan, _ model: PreciseModel) {
  guard case .targeted(let phase) = plan.kind else { return }
  model.parameters.freeze { name in
    if name.hasPrefix("fusion.") { return phase.freeze.contains(.fusion) }
    return !name.hasPrefix("user.") && phase.freeze.contains(.transformer)
  }
}
