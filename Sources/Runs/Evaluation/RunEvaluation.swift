import Checkpoints
package import Collectives
import Config
import Datasets
package import Evaluation
import Host
import Model
import Reporting
import Tensors
import Texts

/// Measures a run's phases and records the result in its `evaluation.json`, on any number of ranks; on a data set that came later,
/// nothing is recorded.
///
/// A targeted phase is evaluated on the users whose held-out event belongs to its target, and the universal phase on the same
/// users beside it. docs/model.md, section 6.
package final class RunEvaluation {
  /// Whether rankings that need no training are measured beside each phase.
  package let baselines: Bool

  private let run: TrainedRun
  private let communicator: any Communicator
  private let shards: Range<Int>
  /// The vectors of the items' texts, made once they are needed.
  private var texts: ComputedVectors?

  /// Prepares to measure a run, each rank its own virtual shards.
  package init(_ run: TrainedRun, baselines: Bool = true, communicator: any Communicator = SoloCommunicator()) {
    self.run = run
    self.baselines = baselines
    self.communicator = communicator
    shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: run.dataset.shardCount)
  }

  /// Measures a phase on a split: the phase itself, and for a targeted one the universal phase on the same users.
  ///
  /// Collective: every rank gets the same numbers, rank 0 records them.
  ///
  /// - Parameters:
  ///   - users: what each user's ranks are written into.
  ///   - progress: called with the number of users measured by this rank since the last call.
  package func evaluate(
    _ plan: PhasePlan, _ split: EvaluationTask.Split, users: UserRankFile? = nil, progress: (Int) -> Void = { _ in }
  ) throws -> [EvaluationRecord.Entry] {
    let filterSeen = run.config.evaluation.filterSeen
    var measured = [
      Measurement(model: plan, task: plan.task(split, filterSeen: filterSeen), phase: plan.name, split: split.rawValue)
    ]
    if case .targeted = plan.kind, let universal = try run.trainedPhases.first(where: { $0.kind.isUniversal }) {
      let task = plan.universalTask(split, filterSeen: filterSeen)
      measured.append(Measurement(model: universal, task: task, phase: plan.name, split: "\(split.rawValue).universal"))
    }
    let entries = try measured.map { try measure($0, users, progress) }
    // What a model does on a data set that came later is no result of the run.
    guard communicator.isFirst, run.lineage == nil else { return entries }
    try EvaluationRecord.update(run.directory) { record in for entry in entries { record.set(entry) } }
    try plot(entries, of: plan)
    return entries
  }

  /// The same as scalars, at the result's step: `like/test/ndcg@10`, `like/test/tail/ndcg@10`.
  private func plot(_ entries: [EvaluationRecord.Entry], of plan: PhasePlan) throws {
    guard run.config.log.tensorboard else { return }
    let board = try TensorBoardWriter(folder: run.directory.path)
    let step = try run.checkpoint(plan).manifest.step
    for entry in entries {
      // Scenes, behaviors and deciles are in the report: as curves of one point each they would crowd out all others.
      let scalars = entry.metrics.groups.filter { $0.kind == .bucket }.flatMap { group in
        let place = group.name == "all" ? "" : "\(group.name)/"
        return entry.metrics.estimates(of: group).map {
          (tag: "\(entry.phase)/\(entry.split)/\(place)\($0.name)", value: $0.mean)
        }
      }
      if !scalars.isEmpty { try board.append(step: step, scalars) }
    }
  }

  /// A model on a task, and the names that it is recorded under.
  private struct Measurement {
    let model: PhasePlan
    let task: EvaluationTask
    let phase: String
    let split: String
  }

  private func measure(
    _ measurement: Measurement, _ users: UserRankFile?, _ progress: (Int) -> Void
  ) throws -> EvaluationRecord.Entry {
    let (plan, task) = (measurement.model, measurement.task)
    let model = try run.model(plan, communicator: communicator)
    let evaluator = try Evaluator(
      run.dataset, shards: shards, cutoffs: cutoffs, communicator: communicator, text: run.text(plan),
      trainCounts: run.trainCounts, catalogueBytes: run.config.evaluation.catalogueBytes)
    let standings = try Memory.use(for: .evaluation) {
      try evaluator.compare(
        model, task, baselines: baselines, texts: baselines ? textVectors() : nil, keepsRanks: users != nil,
        workspace: Workspace(),
        progress: progress)
    }
    try users?.append(standings, of: shards, task, phase: measurement.phase, split: measurement.split)
    let checkpoint = "\(plan.name), step \(try run.checkpoint(plan).manifest.step)"
    return EvaluationRecord.Entry(
      phase: measurement.phase, split: measurement.split, standings: standings,
      protocolFields: EvaluationRecord.protocolFields(task, run.dataset, model: model.shape, checkpoint: checkpoint))
  }

  private var cutoffs: [Int] { run.config.evaluation.cutoffs(items: run.dataset.items.count) }

  /// The vectors of the items' texts, whether the model reads texts or not; nil when the data set has none.
  ///
  /// Collective.
  private func textVectors() throws -> ComputedVectors? {
    if let texts { return texts }
    if let vectors = try run.textVectors ?? TextVectors(dataset: run.dataset) {
      texts = try ComputedVectors(
        items: vectors.itemCount, width: vectors.width, communicator: communicator, workspace: Workspace(),
        bytes: run.config.evaluation.catalogueBytes
      ) { rows, texts in
        for (index, row) in rows.enumerated() { vectors.copy(row, into: texts.row(index)) }
      }
      return texts
    }
    // A data set that an earlier version encoded has token states only.
    let states = try run.states ?? (TokenStates.exist(in: run.dataset) ? TokenStates(dataset: run.dataset) : nil)
    guard let states, states.rowCount > 0 else { return nil }
    let scratch = Storage<Float>(count: states.maxTokens * states.dimension)
    texts = try CenteredTexts.make(
      items: run.dataset.items.count, width: states.dimension, communicator: communicator, workspace: Workspace(),
      bytes: run.config.evaluation.catalogueBytes
    ) { item, mean in mean.baseAddress.map { states.copyMean(item, into: $0, scratch: scratch.base) } ?? false }
    return texts
  }
}
