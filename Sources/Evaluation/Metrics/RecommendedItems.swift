import Collectives
import Foundation

/// What is recommended rather than whether it is right: coverage and novelty of the users' first k items.
///
///     coverage@k = distinct items in anybody's first k / V
///     novelty@k  = mean over all of them of − log₂ (c_i / Σ_j c_j),   c: training events
///
/// Coverage is that of the catalogue (Ge et al., RecSys 2010), novelty the self-information of an item drawn by popularity (Zhou et al., PNAS
/// 2010; Vargas and Castells, RecSys 2011). An item without a training event, whose share is 0, counts as one with a single event (ours).
package struct RecommendedItems: Sendable, Equatable {
  /// k, the items looked at of each user.
  package let limit: Int
  /// How many items were in anybody's first k.
  package let distinct: Int
  /// V.
  package let items: Int
  /// The mean self-information in bits; nil when nothing was recommended.
  package let novelty: Double?

  /// The share of the catalogue that was in anybody's first k.
  package var coverage: Double { Double(distinct) / Double(max(items, 1)) }
}

/// Counts what a rank recommends: a bit an item, and two sums a virtual shard.
struct RecommendationTally {
  /// Words that travel between ranks at a time.
  private static let wordsAtATime = 1 << 16

  private let limit: Int
  private let counts: UnsafeBufferPointer<UInt32>
  private let events: Double
  private var seen: [UInt64]
  /// Of each shard: how many items were recommended, and the sum of their self-information.
  private var sums: [[Double]]

  /// Counts the first `limit` items of users in so many virtual shards; `counts` must stay where they are.
  init(limit: Int, shards: Int, counts: UnsafeBufferPointer<UInt32>) {
    (self.limit, self.counts) = (limit, counts)
    events = counts.reduce(0) { $0 + Double($1) }
    seen = [UInt64](repeating: 0, count: (counts.count + 63) / 64)
    sums = [[Double]](repeating: [0, 0], count: shards)
  }

  /// Adds a user's list.
  mutating func add(_ items: UnsafeBufferPointer<Int32>, shard: Int) {
    for item in items {
      seen[Int(item) / 64] |= 1 << UInt64(item % 64)
      sums[shard][0] += 1
      sums[shard][1] += log2(max(events, 1) / Double(max(counts[Int(item)], 1)))
    }
  }

  /// What all ranks recommended; collective, and the same on every rank.
  func total(_ communicator: any Communicator) throws -> RecommendedItems {
    let sums = try communicator.sumInOrder(self.sums, size: 2)
    var distinct = 0
    for start in stride(from: 0, to: seen.count, by: Self.wordsAtATime) {
      let own = Array(seen[start..<min(start + Self.wordsAtATime, seen.count)])
      let all = try communicator.gather(own, counts: Array(repeating: own.count, count: communicator.size))
      for word in own.indices {
        let union = (0..<communicator.size).reduce(UInt64(0)) { $0 | all[$1 * own.count + word] }
        distinct += union.nonzeroBitCount
      }
    }
    return RecommendedItems(
      limit: limit, distinct: distinct, items: counts.count, novelty: sums[0] > 0 ? sums[1] / sums[0] : nil)
  }
}

extension Communicator {
  /// The sum of all ranks' lists of `size` numbers, added in rank order and on a rank in order of its lists: the same bits wherever lists
  /// change hands.
  ///
  /// A few columns of all lists at a time, so that memory is bounded.
  func sumInOrder(_ lists: [[Double]], size: Int) throws -> [Double] {
    let counts = try gatherCounts(lists.count)
    let all = counts.reduce(0, +)
    var sums = [Double](repeating: 0, count: size)
    let width = max(1, (1 << 20) / max(all, 1))
    for start in stride(from: 0, to: size, by: width) {
      let columns = start..<min(start + width, size)
      let part = try gather(lists.flatMap { $0[columns] }, counts: counts.map { $0 * columns.count })
      for list in 0..<all {
        for column in columns { sums[column] += part[list * columns.count + column - start] }
      }
    }
    return sums
  }

  /// Every rank's numbers, one behind the other.
  func gather<Element: BitwiseCopyable>(_ own: [Element], counts: [Int]) throws -> [Element] {
    try [Element](unsafeUninitializedCapacity: counts.reduce(0, +)) { all, count in
      try own.withUnsafeBufferPointer { try allGather($0, into: all, counts: counts) }
      count = all.count
    }
  }
}
