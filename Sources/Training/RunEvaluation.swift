import Checkpoints
public import Collectives
import Config
import Datasets
public import Evaluation
import Memory
import Model
import Reporting
import Tensors

/// Measures a run's phases and records the result in its `evaluation.json`, on any number of ranks.
///
/// A targeted phase is judged on the users whose held-out event belongs to its target, and the universal phase on the same
/// users beside it. docs/model.md, section 6.
public struct RunEvaluation {
  /// Prepares to measure a run, each rank its own virtual shards.
  public init(_ run: TrainedRun, communicator: any Communicator = SoloCommunicator()) {
    self.run = run
    self.communicator = communicator
  }

  /// Measures a phase on a split: the phase itself, and for a targeted one the universal phase on the same users.
  ///
  /// Collective: every rank gets the same numbers, rank 0 records them.
  ///
  /// - Parameter progress: called with the number of users measured by this rank since the last call.
  public func evaluate(
    _ plan: PhasePlan, _ split: EvaluationTask.Split, progress: (Int) -> Void = { _ in }
  ) throws -> [EvaluationRecord.Entry] {
    let filterSeen = run.config.evaluation.filterSeen
    var entries = [
      try measure(plan, plan.task(split, filterSeen: filterSeen), phase: plan.name, split: split.rawValue, progress)
    ]
    if case .targeted = plan.kind, let universal = try run.trainedPhases.first(where: { $0.kind.isUniversal }) {
      let task = plan.universalTask(split, filterSeen: filterSeen)
      entries.append(try measure(universal, task, phase: plan.name, split: "\(split.rawValue).universal", progress))
    }
    guard communicator.rank == 0 else { return entries }
    try EvaluationRecord.update(run.directory) { record in for entry in entries { record.set(entry) } }
    return entries
  }

  private func measure(
    _ plan: PhasePlan, _ task: EvaluationTask, phase: String, split: String, _ progress: (Int) -> Void
  ) throws -> EvaluationRecord.Entry {
    let model = try run.model(plan, communicator: communicator)
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: run.dataset.shardCount)
    let evaluation = run.config.evaluation
    let evaluator = Evaluator(
      run.dataset, shards: shards, cutoffs: evaluation.cutoffs(items: run.dataset.items.count), communicator: communicator,
      text: try run.text(plan), catalogueBytes: evaluation.catalogueBytes)
    let metrics = try Memory.use(for: .evaluation) {
      try evaluator.evaluate(model, task, workspace: Workspace(), progress: progress)
    }
    let checkpoint = "\(plan.name), step \(try run.checkpoint(plan).manifest.step)"
    return EvaluationRecord.Entry(
      phase: phase, split: split, metrics: metrics,
      protocolFields: EvaluationRecord.protocolFields(task, run.dataset, model: model.shape, checkpoint: checkpoint))
  }

  private let run: TrainedRun
  private let communicator: any Communicator
}
