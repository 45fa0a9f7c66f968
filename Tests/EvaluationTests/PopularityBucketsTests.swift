import Evaluation
import Testing

struct PopularityBucketsTests {
  private func names(_ counts: [UInt32]) -> [[String]] {
    counts.withUnsafeBufferPointer { counts in
      let buckets = PopularityBuckets(trainCounts: counts)
      return counts.indices.map { item in buckets.buckets(of: item).map { PopularityBuckets.names[$0] } }
    }
  }

  @Test func sharesOfTheCatalogueByCount() {
    // Ten items: two are head, three mid, five tail, whatever their order.
    let counts: [UInt32] = [0, 100, 6, 7, 90, 5, 80, 1, 70, 8]
    let found = names(counts)
    #expect(counts.indices.filter { found[$0].contains("head") } == [1, 4])
    #expect(counts.indices.filter { found[$0].contains("mid") } == [6, 8, 9])
    #expect(counts.indices.filter { found[$0].contains("tail") } == [0, 2, 3, 5, 7])
    #expect(counts.indices.filter { found[$0].contains("cold") } == [0, 5, 7])
    #expect(counts.indices.filter { found[$0].contains("unseen") } == [0])
    #expect(found.allSatisfy { $0.first == "all" && $0.count { ["head", "mid", "tail"].contains($0) } == 1 })
  }

  @Test func equalCountsGoByRow() {
    let found = names([9, 9, 9, 9, 9])
    #expect(found.map { $0[1] } == ["head", "mid", "tail", "tail", "tail"])
  }

  @Test func smallCataloguesMayHaveNoHead() {
    #expect(names([3]) == [["all", "tail", "cold"]])
    #expect(names([0, 9]).map { $0[1] } == ["tail", "mid"])
  }
}
