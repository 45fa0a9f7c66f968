import Checkpoints
package import Collectives
import Config
import Datasets
package import Evaluation
import Files
import Host
import Model
import Reporting
package import Runs
import Tensors
import Texts

/// What follows a phase that is trained: its result's scores are blended with the text of items, fitted on the validation events.
///
/// The blend is written into the checkpoint's manifest. A run that was stopped before that makes up for it when it goes on.
package struct BlendStep {
  let config: RunConfig
  let dataset: Dataset
  let vectors: TextVectors
  let communicator: any Communicator
  /// Whether this rank wants the run to stop.
  var shouldStop: () -> Bool = { false }

  /// Fits the blend of a phase's result and writes it down; collective.
  ///
  /// - Parameters:
  ///   - isForced: whether to fit anew what has a blend already.
  ///   - model: makes the phase's model, whatever its numbers.
  /// - Returns: nil when the result has one already, or there is nobody to fit on.
  func run(
    _ plan: PhasePlan, _ result: Checkpoint, isForced: Bool = false, model: () throws -> PreciseModel
  ) throws -> BlendFit.Result? {
    let fitted = communicator.rank == 0 && !isForced && result.manifest.blend?.vectors == vectors.identity
    guard try communicator.gatherCounts(fitted ? 1 : 0)[0] == 0 else { return nil }
    let model = try model()
    try result.loadResult(into: CheckpointContents(reading: model), communicator: communicator)
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let fit = BlendFit(
      dataset, shards: shards, vectors: vectors, metric: config.evaluation.metric(items: dataset.items.count),
      communicator: communicator, catalogueBytes: config.evaluation.catalogueBytes)
    let found = try Memory.use(for: .evaluation) {
      try fit.fit(
        model, plan.task(.validation, filterSeen: config.evaluation.filterSeen), coldStart: coldStart,
        tailTemper: config.coldStart.tailTemper,
        logitScale: config.model.logitScale, workspace: Workspace()
      ) {
        // All of them or none: the others would wait for a rank that went.
        if try communicator.gatherCounts(shouldStop() ? 1 : 0).contains(1) {
          throw StoppedEarly("while scores were blended with text; the phase is trained and saved")
        }
      }
    }
    guard let found else { return nil }
    if communicator.rank == 0 {
      var blend = found.blend
      blend.vectors = vectors.identity
      _ = try result.blended(blend)
    }
    try communicator.barrier()
    return found
  }

  private var coldStart: BlendFit.ColdStart {
    config.coldStart.pseudoCount.map { .pseudoCount($0) } ?? .cost(config.coldStart.cost)
  }

  /// Fits the blend of a trained run's phase anew and writes it down; collective.
  ///
  /// Throws `InputError` when the run's configuration or data set has no text vectors.
  ///
  /// - Returns: nil when there is nobody to fit on.
  package static func refit(
    _ plan: PhasePlan, of run: TrainedRun, communicator: any Communicator
  ) throws -> BlendFit.Result? {
    guard let vectors = run.textVectors else {
      throw InputError(
        run.config.model.fusion == .paper
          ? "\(run.directory.path) was trained with model.fusion: paper; give --set model.fusion=similarity to blend it all the same"
          : "\(run.dataset.path) has no text vectors; run `precise encode \(run.dataset.path)` again")
    }
    let step = BlendStep(config: run.config, dataset: run.dataset, vectors: vectors, communicator: communicator)
    return try step.run(plan, run.checkpoint(plan), isForced: true) { try run.model(plan, communicator: communicator) }
  }
}
