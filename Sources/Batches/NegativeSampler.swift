import Foundation
public import Tensors

/// Draws a step's shared negatives: item ids from the global batch, from the catalogue, or from both.
///
/// docs/model.md, section 2.
///
/// Draws are keyed by (seed, step, virtual shard), so every world size draws the same list. Duplicates are for the caller to
/// remove.
public struct NegativeSampler: Sendable {
  /// Where negatives come from.
  public enum Source: Sendable {
    /// Items of the step's global batch: N / S from each virtual shard's slice.
    case batch
    /// Any item of the catalogue.
    case uniform
    /// Half from each.
    case mixed
  }

  /// How many ids are drawn a step, over the whole job; nil = the whole catalogue (full softmax).
  public let count: Int?
  /// Where they come from.
  public let source: Source
  /// The number of items, V.
  public let items: Int

  /// Makes a sampler.
  public init(count: Int?, source: Source, items: Int, seed: UInt64) {
    self.count = count
    self.source = source
    self.items = items
    self.seed = seed
  }

  /// Draws that come from batches, of N.
  public var fromBatch: Int { count.map { source == .batch ? $0 : source == .uniform ? 0 : $0 / 2 } ?? 0 }
  /// Draws that come from the whole catalogue.
  public var fromCatalogue: Int { count.map { $0 - fromBatch } ?? 0 }

  /// How many draws the slice of some virtual shards gives.
  public func drawsFromBatch(shards: Range<Int>, shardCount: Int) -> Int {
    fromBatch * shards.upperBound / shardCount - fromBatch * shards.lowerBound / shardCount
  }

  /// Adds this rank's draws from its slice of the batch: each virtual shard gives its share of N.
  ///
  /// A shard whose part of the slice is empty gives -1 for each of its draws, so that the number of draws is known beforehand.
  ///
  /// - Parameters:
  ///   - shards: the virtual shards of the slice, in order.
  ///   - shardCount: S, the virtual shards of the whole data set.
  public func drawFromBatch(
    _ batch: SequenceBatch, shards: Range<Int>, shardCount: Int, step: Int, into list: NumberList<Int32>
  ) {
    let stream = stream(step)
    for (place, shard) in shards.enumerated() {
      let share = drawsFromBatch(shards: shard..<shard + 1, shardCount: shardCount)
      let items = Int(batch.shardStarts[place])..<Int(batch.shardStarts[place + 1])
      let targets = Int(batch.shardTargetStarts[place])..<Int(batch.shardTargetStarts[place + 1])
      for draw in 0..<share {
        guard items.count + targets.count > 0 else {
          list.append(-1)
          continue
        }
        let chosen = stream.below(items.count + targets.count, row: UInt64(shard) + 1, column: UInt32(draw))
        list.append(
          chosen < items.count
            ? batch.items[items.lowerBound + chosen] : batch.targets[targets.lowerBound + chosen - items.count])
      }
    }
  }

  /// Adds the draws from the catalogue, the same on every rank; all items when the softmax is full.
  public func drawFromCatalogue(step: Int, into list: NumberList<Int32>) {
    guard count != nil else {
      for item in 0..<items { list.append(Int32(item)) }
      return
    }
    let stream = stream(step)
    for draw in 0..<fromCatalogue { list.append(Int32(stream.below(items, row: 0, column: UInt32(draw)))) }
  }

  /// log q of an item that has `share` of the events: q is its chance of being drawn at least once in a step.
  ///
  ///     q = 1 − (1 − share)^(draws from batches) · (1 − 1/V)^(draws from the catalogue)
  ///
  /// Ours: duplicates are removed, so the chance of being in the list is what an unbiased sum divides by.
  public func logChance(share: Double) -> Float {
    guard count != nil else { return 0 }
    let missed = Double(fromBatch) * log1p(-min(share, 1 - 1e-12)) + Double(fromCatalogue) * log1p(-1 / Double(max(items, 2)))
    return Float(log(max(-expm1(missed), 1e-12)))
  }

  private func stream(_ step: Int) -> RandomStream {
    RandomStream(seed: seed, purpose: .negatives, step: UInt32(truncatingIfNeeded: step))
  }

  private let seed: UInt64
}
