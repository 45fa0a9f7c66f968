import Foundation
import Testing

@testable import Evaluation

struct RankingMetricsTests {
  private static let cutoffs = [5, 10, 20, 50]

  private func metrics(_ fixture: MetricsFixture, _ variant: String, users: Range<Int>) -> RankingMetrics {
    let buckets = PopularityBuckets(trainCounts: fixture.trainCounts)
    var metrics = RankingMetrics(cutoffs: Self.cutoffs)
    for user in users { metrics.add(rank: fixture.rank(user, variant), buckets: buckets.buckets(of: fixture.targets[user])) }
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
    #expect(copy == whole && whole.flat.count == 6 * 10)
  }

  @Test func aRankAtACutoffIsInside() {
    var metrics = RankingMetrics(cutoffs: [5, 10])
    metrics.add(rank: 5, buckets: [0])
    metrics.add(rank: 6, buckets: [0])
    #expect(metrics.value(of: "recall@5") == 0.5)
    #expect(metrics.value(of: "recall@10") == 1)
    #expect(abs((metrics.value(of: "ndcg@5") ?? 0) - 0.5 / log2(6)) < 1e-15)
    #expect(abs((metrics.value(of: "mrr") ?? 0) - (1.0 / 5 + 1.0 / 6) / 2) < 1e-15)
  }

  @Test func anEmptyBucketHasNoMeans() {
    var metrics = RankingMetrics(cutoffs: [5])
    metrics.add(rank: 1, buckets: [0, 2])
    #expect(metrics.means(of: "tail").isEmpty && metrics.users(in: "tail") == 0)
    #expect(metrics.value(of: "mrr", in: "tail") == nil)
    #expect(metrics.value(of: "mrr", in: "no such bucket") == nil && metrics.value(of: "recall@7") == nil)
    #expect(metrics.value(of: "recall@5", in: "mid") == 1)
  }
}
