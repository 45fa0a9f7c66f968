import Foundation

/// Recall@k, NDCG@k and MRR of one held-out item a user, with their standard errors, summed up group by group.
///
/// docs/model.md, section 6.
///
///     recall@k = [rank ≤ k],  ndcg@k = [rank ≤ k] / log₂(rank + 1),  mrr = 1 / rank
///
/// Sums of different users add up; adding them virtual shard by virtual shard gives the same digits on any number of ranks.
package struct RankingMetrics: Sendable, Equatable {
  /// A mean over users, and how far it may be from that of all users like them.
  package struct Estimate: Sendable, Equatable {
    /// `recall@10`, `ndcg@10`, `mrr`.
    package let name: String
    /// The mean.
    package let mean: Double
    /// The standard error of the mean; nil when one user alone gives none.
    package let standardError: Double?
  }

  /// The k of recall@k and ndcg@k.
  package let cutoffs: [Int]
  /// The groups that users are summed up in.
  package let groups: [MetricGroup]
  private var sums: [Double]

  /// The sums in one list, group after group: what travels between ranks.
  ///
  /// Of a group: users, hits at each cutoff, gains at each, their squares, reciprocal ranks, their squares. Counts are whole numbers
  /// below 2^53, so nothing is lost.
  package var flat: [Double] {
    get { sums }
    set {
      precondition(newValue.count == sums.count, "\(newValue.count) sums for \(groups.count) groups")
      sums = newValue
    }
  }

  /// Nothing measured yet.
  package init(cutoffs: [Int], groups: [MetricGroup] = MetricGroup.buckets) {
    self.cutoffs = cutoffs
    self.groups = groups
    sums = [Double](repeating: 0, count: groups.count * (3 * cutoffs.count + 3))
  }

  /// The numbers of a group.
  private var size: Int { 3 * cutoffs.count + 3 }

  /// Adds one user whose held-out item stands at `rank` (from 1), in each of the groups with these numbers.
  package mutating func add(rank: Int, groups: [Int]) {
    precondition(rank >= 1, "rank \(rank)")
    let (gain, reciprocal) = (1 / log2(Double(rank) + 1), 1 / Double(rank))
    for group in groups {
      let (first, indices) = (group * size, cutoffs.count)
      sums[first] += 1
      for (position, cutoff) in cutoffs.enumerated() where rank <= cutoff {
        sums[first + 1 + position] += 1
        sums[first + 1 + indices + position] += gain
        sums[first + 1 + 2 * indices + position] += gain * gain
      }
      sums[first + size - 2] += reciprocal
      sums[first + size - 1] += reciprocal * reciprocal
    }
  }

  /// Adds another part's sums.
  package mutating func add(_ other: RankingMetrics) {
    precondition(cutoffs == other.cutoffs && groups == other.groups, "cutoffs \(cutoffs) and \(other.cutoffs)")
    for position in sums.indices { sums[position] += other.sums[position] }
  }

  /// Users measured in a group.
  package func users(in group: MetricGroup) -> Int { groups.firstIndex(of: group).map { Int(sums[$0 * size]) } ?? 0 }

  /// A group's means by name (`recall@10`, `ndcg@10`, …, `mrr`), in a fixed order; empty without users.
  ///
  /// The standard error of a share p of n users is √(p (1 − p) / n), that of another mean s / √n, with s the sample standard deviation.
  package func estimates(of group: MetricGroup) -> [Estimate] {
    guard let index = groups.firstIndex(of: group), sums[index * size] > 0 else { return [] }
    let (part, indices) = (Array(sums[index * size..<(index + 1) * size]), cutoffs.count)
    let users = part[0]
    return cutoffs.indices.map { position in
      let share = part[1 + position] / users
      return Estimate(name: "recall@\(cutoffs[position])", mean: share, standardError: (share * (1 - share) / users).squareRoot())
    }
      + cutoffs.indices.map { position in
        Self.estimate("ndcg@\(cutoffs[position])", part[1 + indices + position], part[1 + 2 * indices + position], users)
      } + [Self.estimate("mrr", part[size - 2], part[size - 1], users)]
  }

  private static func estimate(_ name: String, _ sum: Double, _ squares: Double, _ users: Double) -> Estimate {
    // Rounding may leave a little less than nothing of equal values.
    let variance = max(0, squares - sum * sum / users) / (users - 1)
    return Estimate(name: name, mean: sum / users, standardError: users > 1 ? (variance / users).squareRoot() : nil)
  }

  /// The same for a bucket of `PopularityBuckets.names`.
  package func users(in bucket: String) -> Int { users(in: .bucket(bucket)) }

  /// A bucket's means alone.
  package func means(of bucket: String) -> [(name: String, value: Double)] {
    estimates(of: .bucket(bucket)).map { ($0.name, $0.mean) }
  }

  /// One mean: `value(of: "ndcg@10", in: "all")`; nil when the bucket is empty or nothing has that name.
  package func value(of name: String, in bucket: String = "all") -> Double? {
    means(of: bucket).first { $0.name == name }?.value
  }
}
