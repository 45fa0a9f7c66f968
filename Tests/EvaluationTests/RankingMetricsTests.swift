import Foundation
import Testing

@testable import Evaluation

struct RankingMetricsTests {
  private static let cutoffs = [5, 10, 20, 50]

  private func metrics(_ fixture: MetricsFixture, _ variant: String, users: Range<Int>) -> RankingMetrics {
    let buckets = PopularityBuckets(trainCounts: lasting(fixture.trainCounts))
    var metrics = RankingMetrics(cutoffs: Self.cutoffs)
    for user in users { metrics.add(rank: fixture.rank(user, variant), groups: buckets.buckets(of: fixture.targets[user])) }
    return metrics
  }

  @Test(arguments: ["ranking", "not-a-number"], ["unfiltered", "filtered"])
  func meansAreThoseOfTheReference(name: String, variant: String) throws {
    let fixture = try MetricsFixture(name)
    let found = metrics(fixture, variant, users: 0..<fixture.targets.count)
    let expected = try #require(fixture.expected[variant])
    #expect(Set(expected.keys) == Set(PopularityBuckets.names))
    for (bucket, values) in expected {
      #expect(found.users(in: bucket) == Int(values["users"] ?? -1))
      #expect(found.means(of: bucket).count == values.count - 1)
      for (name, value) in values where name != "users" {
        #expect(abs((found.value(of: name, in: bucket) ?? .nan) - value) < 1e-12, "\(bucket), \(name)")
      }
    }
  }

  @Test func partsAddUpToTheWhole() throws {
    let fixture = try MetricsFixture("ranking")
    let whole = metrics(fixture, "filtered", users: 0..<60)
    for cuts in [[0, 60], [0, 7, 60], [0, 1, 1, 30, 59, 60]] {
      var sum = RankingMetrics(cutoffs: Self.cutoffs)
      for (start, end) in zip(cuts, cuts.dropFirst()) { sum.add(metrics(fixture, "filtered", users: start..<end)) }
      for bucket in PopularityBuckets.names {
        #expect(sum.users(in: bucket) == whole.users(in: bucket))
        for (part, all) in zip(sum.means(of: bucket), whole.means(of: bucket)) {
          #expect(part.name == all.name && abs(part.value - all.value) < 1e-14)
        }
      }
    }
  }

  @Test func theFlatFormLosesNothing() throws {
    let whole = metrics(try MetricsFixture("ranking"), "filtered", users: 0..<60)
    var copy = RankingMetrics(cutoffs: Self.cutoffs)
    copy.flat = whole.flat
    #expect(copy == whole && whole.flat.count == 6 * 15)
  }

  @Test func aRankAtACutoffIsInside() {
    var metrics = RankingMetrics(cutoffs: [5, 10])
    metrics.add(rank: 5, groups: [0])
    metrics.add(rank: 6, groups: [0])
    #expect(metrics.value(of: "recall@5") == 0.5)
    #expect(metrics.value(of: "recall@10") == 1)
    #expect(abs((metrics.value(of: "ndcg@5") ?? 0) - 0.5 / log2(6)) < 1e-15)
    #expect(abs((metrics.value(of: "mrr") ?? 0) - (1.0 / 5 + 1.0 / 6) / 2) < 1e-15)
  }

  @Test func anEmptyBucketHasNoMeans() {
    var metrics = RankingMetrics(cutoffs: [5])
    metrics.add(rank: 1, groups: [0, 2])
    #expect(metrics.means(of: "tail").isEmpty && metrics.users(in: "tail") == 0)
    #expect(metrics.value(of: "mrr", in: "tail") == nil)
    #expect(metrics.value(of: "mrr", in: "no such bucket") == nil && metrics.value(of: "recall@7") == nil)
    #expect(metrics.value(of: "recall@5", in: "mid") == 1)
  }

  /// The standard error of a mean by its definition.
  private func naive(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    return (variance / Double(values.count)).squareRoot()
  }

  @Test func standardErrorsAreThoseOfANaiveComputation() throws {
    let ranks = (0..<500).map { 1 + ($0 * $0 * 7 + $0) % 97 }
    var metrics = RankingMetrics(cutoffs: [5, 20])
    for rank in ranks { metrics.add(rank: rank, groups: [0]) }
    for estimate in metrics.estimates(of: .all) {
      let parts = estimate.name.split(separator: "@")
      let cutoff = parts.count == 2 ? Int(parts[1]) ?? 0 : .max
      let values = ranks.map { rank -> Double in
        switch parts[0] {
        case "recall": rank <= cutoff ? 1 : 0
        case "ndcg": rank <= cutoff ? 1 / log2(Double(rank) + 1) : 0
        default: 1 / Double(rank)
        }
      }
      // Binomial: the same sum of squares over n instead of n − 1.
      let factor = parts[0] == "recall" ? (Double(ranks.count - 1) / Double(ranks.count)).squareRoot() : 1
      #expect(abs(try #require(estimate.standardError) - factor * naive(values)) < 1e-12, "\(estimate.name)")
      #expect(abs(estimate.mean - values.reduce(0, +) / 500) < 1e-12)
    }
  }

  @Test func standardErrorsByHand() throws {
    var metrics = RankingMetrics(cutoffs: [1])
    for rank in [1, 2, 2, 2] { metrics.add(rank: rank, groups: [0]) }
    let errors = metrics.estimates(of: .all).map(\.standardError)
    // p = 1/4 of 4; a gain of 1 and three of 0: s² = 1/4; reciprocal ranks 1, 1/2, 1/2, 1/2: s² = 1/16.
    #expect(errors == [(3.0 / 64).squareRoot(), 0.25, 0.125])
    var equal = RankingMetrics(cutoffs: [5])
    for _ in 0..<3 { equal.add(rank: 3, groups: [0]) }
    #expect(equal.estimates(of: .all).allSatisfy { ($0.standardError ?? 1) < 1e-8 })
    var one = RankingMetrics(cutoffs: [5])
    one.add(rank: 3, groups: [0])
    #expect(one.estimates(of: .all).map(\.standardError) == [0, nil, nil])
  }

  @Test func groupsAreSummedUpApart() {
    let groups = MetricGroup.buckets + [MetricGroup(kind: .scene, name: "all"), MetricGroup(kind: .behavior, name: "tail")]
    var metrics = RankingMetrics(cutoffs: [5], groups: groups)
    metrics.add(rank: 1, groups: [0, 6])
    metrics.add(rank: 9, groups: [0, 7])
    #expect(metrics.users(in: .all) == 2 && metrics.users(in: "tail") == 0)
    #expect(metrics.users(in: groups[6]) == 1 && metrics.estimates(of: groups[6])[0].mean == 1)
    #expect(metrics.users(in: groups[7]) == 1 && metrics.estimates(of: groups[7])[0].mean == 0)
    #expect(metrics.estimates(of: MetricGroup(kind: .scene, name: "none")).isEmpty)
  }
}
