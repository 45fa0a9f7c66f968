import Foundation

/// Recall@k, NDCG@k and MRR of one held-out item a user, summed up bucket by bucket.
///
/// docs/model.md, section 6.
///
///     recall@k = [rank ≤ k],  ndcg@k = [rank ≤ k] / log₂(rank + 1),  mrr = 1 / rank
///
/// Sums of different users add up; adding them virtual shard by virtual shard gives the same digits on any number of ranks.
public struct RankingMetrics: Sendable, Equatable {
  /// One bucket's sums.
  struct Sums: Sendable, Equatable {
    var users = 0
    var recall: [Int]
    var gain: [Double]
    var reciprocal = 0.0
  }

  /// The k of recall@k and ndcg@k.
  public let cutoffs: [Int]
  private(set) var sums: [Sums]

  /// Nothing measured yet.
  public init(cutoffs: [Int]) {
    self.cutoffs = cutoffs
    let empty = Sums(recall: cutoffs.map { _ in 0 }, gain: cutoffs.map { _ in 0 })
    sums = PopularityBuckets.names.map { _ in empty }
  }

  /// Adds one user whose held-out item stands at `rank` (from 1), in each bucket of the item.
  public mutating func add(rank: Int, buckets: [Int]) {
    precondition(rank >= 1, "rank \(rank)")
    let gain = 1 / log2(Double(rank) + 1)
    for bucket in buckets {
      sums[bucket].users += 1
      sums[bucket].reciprocal += 1 / Double(rank)
      for (place, cutoff) in cutoffs.enumerated() where rank <= cutoff {
        sums[bucket].recall[place] += 1
        sums[bucket].gain[place] += gain
      }
    }
  }

  /// Adds another part's sums.
  public mutating func add(_ other: RankingMetrics) {
    precondition(cutoffs == other.cutoffs, "cutoffs \(cutoffs) and \(other.cutoffs)")
    for bucket in sums.indices {
      sums[bucket].users += other.sums[bucket].users
      sums[bucket].reciprocal += other.sums[bucket].reciprocal
      for place in cutoffs.indices {
        sums[bucket].recall[place] += other.sums[bucket].recall[place]
        sums[bucket].gain[place] += other.sums[bucket].gain[place]
      }
    }
  }

  /// The sums in one list, and back: what travels between ranks.
  ///
  /// Counts are whole numbers below 2^53, so nothing is lost.
  public var flat: [Double] {
    get { sums.flatMap { [Double($0.users)] + $0.recall.map(Double.init) + $0.gain + [$0.reciprocal] } }
    set {
      let (places, size) = (cutoffs.count, 2 * cutoffs.count + 2)
      precondition(newValue.count == size * sums.count, "\(newValue.count) numbers for \(sums.count) buckets")
      for bucket in sums.indices {
        let part = Array(newValue[bucket * size..<(bucket + 1) * size])
        sums[bucket].users = Int(part[0])
        sums[bucket].recall = part[1..<1 + places].map { Int($0) }
        sums[bucket].gain = Array(part[1 + places..<1 + 2 * places])
        sums[bucket].reciprocal = part[size - 1]
      }
    }
  }

  /// Users measured in a bucket of `PopularityBuckets.names`.
  public func users(in bucket: String) -> Int { index(bucket).map { sums[$0].users } ?? 0 }

  /// A bucket's means by name (`recall@10`, `ndcg@10`, …, `mrr`), in a fixed order; empty without users.
  public func means(of bucket: String) -> [(name: String, value: Double)] {
    guard let index = index(bucket), sums[index].users > 0 else { return [] }
    let sum = sums[index]
    let users = Double(sum.users)
    return cutoffs.indices.map { ("recall@\(cutoffs[$0])", Double(sum.recall[$0]) / users) }
      + cutoffs.indices.map { ("ndcg@\(cutoffs[$0])", sum.gain[$0] / users) } + [("mrr", sum.reciprocal / users)]
  }

  /// One mean: `value(of: "ndcg@10", in: "all")`; nil when the bucket is empty or nothing has that name.
  public func value(of name: String, in bucket: String = "all") -> Double? {
    means(of: bucket).first { $0.name == name }?.value
  }

  private func index(_ bucket: String) -> Int? { PopularityBuckets.names.firstIndex(of: bucket) }
}
