import Batches
import Collectives
import Layers
import Memory
import Tensors

/// How the step's shared negatives are drawn: each rank draws from its own slice of the batch, all draw from the catalogue.
///
/// docs/model.md, section 2.
final class SharedNegatives {
  /// - Parameters:
  ///   - shardCount: the virtual shards of the whole data set.
  ///   - source: the phase's batches, asked once how often each item is shown; nil without the logQ correction.
  init(
    _ sampler: NegativeSampler, shardCount: Int, correctedFor source: (any BatchSource)?, communicator: any Communicator
  ) throws {
    self.sampler = sampler
    self.shardCount = shardCount
    ranks = communicator.size
    rank = communicator.rank
    logChances = try (sampler.count == nil ? nil : source).map { source in
      try Memory.use(for: .itemNumbers) { try Self.chances(sampler, source, communicator) }
    }
  }

  /// How many are drawn by all ranks, from batches and from the catalogue.
  var draws: Int { sampler.count ?? sampler.items }

  /// How many draws a rank's slice gives: known to every rank without asking.
  func drawsFromBatch(of rank: Int) -> Int { sampler.drawsFromBatch(shards: shards(of: rank), shardCount: shardCount) }

  /// Adds this rank's draws from its slice; -1 stands for a draw from a virtual shard that has nothing to offer.
  func drawFromBatch(_ batch: SequenceBatch, step: Int, into list: NumberList<Int32>) {
    sampler.drawFromBatch(batch, shards: shards(of: rank), shardCount: shardCount, step: step, into: list)
  }

  /// Adds the draws from the catalogue, the same on every rank.
  func drawFromCatalogue(step: Int, into list: NumberList<Int32>) { sampler.drawFromCatalogue(step: step, into: list) }

  /// log q of each of `ids`, in the workspace; nil without the correction.
  func logChances(of ids: RowList, workspace: Workspace) -> UnsafePointer<Float>? {
    guard let logChances else { return nil }
    let values = workspace.take(Float.self, ids.count)
    for (index, item) in ids.enumerated() { values[index] = logChances.base[Int(item)] }
    return UnsafePointer(values)
  }

  private func shards(of rank: Int) -> Range<Int> { ShardRuns.shards(of: rank, ranks: ranks, count: shardCount) }

  /// log q of every item, from how often the whole job's epoch shows it.
  private static func chances(
    _ sampler: NegativeSampler, _ source: any BatchSource, _ communicator: any Communicator
  ) throws -> Storage<Float> {
    let counts = Storage<Double>(count: sampler.items)
    source.countEvents(into: counts.buffer)
    try communicator.allReduce(counts.buffer)
    let total = max(counts.buffer.reduce(0, +), 1)
    let chances = Storage<Float>(count: sampler.items)
    for item in 0..<sampler.items { chances.base[item] = sampler.logChance(share: counts.base[item] / total) }
    return chances
  }

  private let sampler: NegativeSampler
  private let shardCount: Int
  private let ranks: Int
  private let rank: Int
  private let logChances: Storage<Float>?
}
