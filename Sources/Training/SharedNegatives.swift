import Batches
import Collectives
import Items
import Layers
import Tensors

/// The step's shared negatives, the same list on every rank, each item once.
///
/// docs/model.md, section 2.
final class SharedNegatives {
  /// The items, ascending.
  var ids: RowList { unique.rows }

  /// - Parameters:
  ///   - shards: this rank's virtual shards, of `shardCount`.
  ///   - source: the phase's batches, asked once how often each item is shown; nil without the logQ correction.
  init(
    _ sampler: NegativeSampler, shards: Range<Int>, shardCount: Int, correctedFor source: (any BatchSource)?,
    communicator: any Communicator
  ) throws {
    self.sampler = sampler
    self.shards = shards
    self.shardCount = shardCount
    self.communicator = communicator
    logChances = try (sampler.count == nil ? nil : source).map { try Self.chances(sampler, $0, communicator) }
  }

  /// Draws from the global batch and the catalogue, and removes duplicates.
  func draw(_ batch: SequenceBatch, step: Int, workspace: Workspace) throws {
    local.removeAll()
    sampler.drawFromBatch(batch, shards: shards, shardCount: shardCount, step: step, into: local)
    let counts = try communicator.gatherCounts(local.count)
    let total = counts.reduce(0, +)
    let all = UnsafeMutableBufferPointer(start: workspace.take(Int32.self, total), count: total)
    try communicator.allGather(local.values, into: all, counts: counts)
    catalogue.removeAll()
    sampler.drawFromCatalogue(step: step, into: catalogue)
    unique.collect(RowList(all), catalogue.values)
  }

  /// The negatives as the loss takes them; `rows` says where each stands in the step's e.
  func negatives(locatedBy rows: UniqueRows, workspace: Workspace) -> SampledSoftmax.Negatives {
    let places = workspace.take(Int32.self, ids.count)
    rows.locate(ids, into: places)
    var chances: UnsafePointer<Float>?
    if let logChances {
      let values = workspace.take(Float.self, ids.count)
      for (index, item) in ids.enumerated() { values[index] = logChances.base[Int(item)] }
      chances = UnsafePointer(values)
    }
    return SampledSoftmax.Negatives(rows: RowList(start: places, count: ids.count), ids: ids, logChances: chances)
  }

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
  private let shards: Range<Int>
  private let shardCount: Int
  private let communicator: any Communicator
  private let logChances: Storage<Float>?
  private let local = NumberList<Int32>()
  private let catalogue = NumberList<Int32>()
  private let unique = UniqueRows()
}
