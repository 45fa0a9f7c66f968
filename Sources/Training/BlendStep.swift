import Checkpoints
import Collectives
import Config
import Datasets
import Evaluation
import Kernels
import Memory
import Model
import Reporting
import Similarity
import Tensors

/// What follows a phase that is trained: its result's scores are blended with the text of items, fitted on the validation events.
///
/// The blend is written into the checkpoint's manifest. A run that was stopped before that makes up for it when it goes on.
struct BlendStep {
  let config: RunConfig
  let dataset: Dataset
  let vectors: TextVectors
  let communicator: any Communicator

  /// Fits the blend of a phase's result and writes it down; collective.
  ///
  /// - Parameters:
  ///   - model: makes the phase's model, whatever its numbers.
  /// - Returns: nil when the result has one already, or there is nobody to fit on.
  func run(_ plan: PhasePlan, _ result: Checkpoint, model: () throws -> PreciseModel) throws -> BlendFit.Result? {
    let fitted = communicator.rank == 0 && result.manifest.blend?.vectors == vectors.checksum
    guard try communicator.gatherCounts(fitted ? 1 : 0)[0] == 0 else { return nil }
    let model = try model()
    try result.loadResult(into: model, communicator: communicator)
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let fit = BlendFit(
      dataset, shards: shards, vectors: vectors, metric: config.evaluation.metric(items: dataset.items.count),
      communicator: communicator, catalogueBytes: config.evaluation.catalogueBytes)
    let found = try Memory.use(for: .evaluation) {
      try fit.fit(
        model, plan.task(.validation, filterSeen: config.evaluation.filterSeen), pseudoCount: config.coldStart.pseudoCount,
        logitScale: config.model.logitScale, workspace: Workspace())
    }
    guard let found else { return nil }
    if communicator.rank == 0 {
      var blend = found.blend
      blend.vectors = vectors.checksum
      _ = try result.blended(blend)
    }
    try communicator.barrier()
    return found
  }
}
