package import Collectives
package import Datasets
import Host
import Model
import Runs
import Tensors

/// How the step's shared negatives are drawn: each rank draws from its own slice of the batch, all draw from the catalogue.
///
/// docs/model.md, section 2.
package final class SharedNegatives {
  private let sampler: NegativeSampler
  private let shardCount: Int
  private let order: EpochOrder
  private let ranks: Int
  private let rank: Int
  private let logQ: Storage<Float>?

  /// - Parameters:
  ///   - source: the phase's batches.
  ///   - shardCount: the virtual shards of the whole data set.
  ///   - isCorrected: whether logits are corrected by log q; the batches are then asked once what they show.
  ///   - itemsAtATime: of how many items the ranks add up numbers at a time.
  package init(
    _ sampler: NegativeSampler, of source: any BatchSource, shardCount: Int, isCorrected: Bool, itemsAtATime: Int = 1 << 20,
    communicator: any Communicator
  ) throws {
    self.sampler = sampler
    self.shardCount = shardCount
    order = source.order
    ranks = communicator.size
    rank = communicator.rank
    logQ =
      isCorrected && sampler.count != nil
      ? try Memory.use(for: .itemNumbers) { try Self.chances(sampler, source, itemsAtATime, communicator) } : nil
  }

  /// How many are drawn by all ranks, from batches and from the catalogue.
  var draws: Int { sampler.count ?? sampler.candidates }

  /// Whether some items have no training event and are left out of draws that earlier versions took them into.
  var leavesItemsOut: Bool { sampler.readsCatalogue && sampler.candidates < sampler.items }

  /// The most draws that a slice of so many users gives.
  func mostDrawsFromBatch(users: Int) -> Int {
    let fewest = max(1, order.users / order.stepsPerEpoch)
    return min(sampler.fromBatch, sampler.fromBatch * users / fewest + 1)
  }

  /// How many draws a rank's slice of a step gives: known to every rank without asking.
  func drawsFromBatch(of rank: Int, step: Int) -> Int {
    sampler.drawsFromBatch(slots: order.slots(of: shards(of: rank), step: step), users: order.users(of: step), step: step)
  }

  /// Adds this rank's draws from its slice.
  func drawFromBatch(_ batch: SequenceBatch, step: Int, into list: NumberList<Int32>) {
    sampler.drawFromBatch(
      batch, slots: order.slots(of: shards(of: rank), step: step), users: order.users(of: step), step: step, into: list)
  }

  /// Adds the draws from the catalogue, the same on every rank.
  func drawFromCatalogue(step: Int, into list: NumberList<Int32>) { sampler.drawFromCatalogue(step: step, into: list) }

  /// log q of each of `ids`, in the workspace; nil without the correction.
  func logQ(of ids: RowList, workspace: Workspace) -> UnsafePointer<Float>? {
    guard let logQ else { return nil }
    let values = workspace.take(Float.self, ids.count)
    for (index, item) in ids.enumerated() { values[index] = logQ.base[Int(item)] }
    return UnsafePointer(values)
  }

  private func shards(of rank: Int) -> Range<Int> { ShardRuns.shards(of: rank, ranks: ranks, count: shardCount) }

  /// log q of every item, from what the whole job's batches show.
  ///
  /// Piece by piece, so that neither the sums nor both kinds of numbers are there of all items at once.
  private static func chances(
    _ sampler: NegativeSampler, _ source: any BatchSource, _ itemsAtATime: Int, _ communicator: any Communicator
  ) throws -> Storage<Float> {
    let misses = Storage<Double>(count: sampler.items)
    source.addMisses(of: sampler, into: misses.buffer)
    let chances = Storage<Float>(count: sampler.items)
    for first in stride(from: 0, to: sampler.items, by: itemsAtATime) {
      let items = first..<min(first + itemsAtATime, sampler.items)
      try communicator.allReduce(UnsafeMutableBufferPointer(rebasing: misses.buffer[items]))
      for item in items { chances.base[item] = sampler.logQ(missed: misses.base[item]) }
      misses.discard(items)
    }
    return chances
  }
}
