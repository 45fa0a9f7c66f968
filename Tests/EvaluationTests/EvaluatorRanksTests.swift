import Collectives
import Datasets
import Model
import Tensors
import Testing

@testable import Evaluation

/// Equal to the last digit: nothing here is compared with a tolerance.
struct EvaluatorRanksTests {
  /// Small enough for a streamed catalogue: one block of users a round, and eight.
  private static let streamed = [0, 100_000]

  @Test(arguments: [2, 5], [false, true])
  func metricsDoNotDependOnTheNumberOfRanks(shards: Int, filterSeen: Bool) throws {
    let world = try RankWorld(shards: shards)
    let expected = try world.metrics(ranks: 1, filterSeen: filterSeen)[0]
    #expect(expected.users(in: "all") == RankWorld.users && (expected.value(of: "recall@1000") ?? 0) > 0.1)
    for ranks in [1, 2, 3, 5] {
      for bytes in [Catalogue.defaultBytes] + Self.streamed {
        // More ranks than shards: some have no user and still take part.
        let found = try world.metrics(ranks: ranks, bytes: bytes, filterSeen: filterSeen)
        #expect(found == Array(repeating: expected, count: ranks), "\(ranks) ranks, \(bytes) bytes")
      }
    }
  }

  @Test func theUserHeadsMetricsNeither() throws {
    let world = try RankWorld(shards: 3)
    let expected = try world.metrics(ranks: 1, userHead: .residual)[0]
    #expect(try expected != world.metrics(ranks: 1)[0])
    #expect(try world.metrics(ranks: 3, bytes: 100_000, userHead: .residual) == Array(repeating: expected, count: 3))
  }

  @Test(arguments: [Catalogue.defaultBytes, 0])
  func embeddingsAreFunctionsOfTheItem(bytes: Int) throws {
    let world = try RankWorld(shards: 2)
    #expect(world.dataset.items.count == RankWorld.items)
    let embed: @Sendable (any Communicator) throws -> [[Float]] = { communicator in
      let (model, workspace) = (world.model(communicator, userHead: nil), Workspace(chunkBytes: 1 << 20))
      let catalogue = try Catalogue(
        model, trainCounts: world.dataset.items.trainCounts, communicator: communicator, workspace: workspace, bytes: bytes)
      #expect(catalogue.isWhole == (bytes > 0))
      var walked: [Float] = []
      try catalogue.forEachBlock(workspace: workspace) { rows, block in
        #expect(rows.lowerBound * catalogue.width == walked.count && block.rows == rows.count)
        walked += block.values
      }
      // Each rank asks for other items.
      let wanted = (0..<40).map { Int32($0 * 113 + communicator.rank) }
      let found = workspace.matrix(wanted.count, catalogue.width)
      try wanted.withUnsafeBufferPointer { try catalogue.embed($0, into: found, workspace: workspace) }
      let expected = wanted.flatMap { Array(walked[Int($0) * catalogue.width..<(Int($0) + 1) * catalogue.width]) }
      #expect(found.values == expected)
      return [walked, catalogue.meanID.values]
    }
    let expected = try world.onRanks(1, embed)[0]
    #expect(expected[0].count == RankWorld.items * 12 && expected[1].count == 6)
    for ranks in [2, 3, 5] {
      #expect(try world.onRanks(ranks, embed) == Array(repeating: expected, count: ranks))
    }
    // Items without a training event have the mean as their ID half.
    let untrained = try #require((0..<RankWorld.items).first { world.dataset.items.trainCounts[$0] == 0 })
    #expect(Array(expected[0][untrained * 12..<untrained * 12 + 6]) == expected[1])
  }
}
