import Collectives
import Datasets
import Tensors
import TestSupport
import Testing

@testable import Evaluation

/// Equal to the last digit: nothing here is compared with a tolerance.
struct BaselineRanksTests {
  /// What a rank gets of a ranking; its own shards' ranks apart.
  private struct Found: Equatable {
    let ranking: Standing.Ranking
    let metrics: RankingMetrics
    let recommended: RecommendedItems?
  }

  private static func pool(_ item: Int, _ vector: UnsafeMutableBufferPointer<Float>) -> Bool {
    guard item % 5 != 0 else { return false }
    for (column, value) in RandomValues.floats(7, seed: UInt64(item), scale: 1).enumerated() { vector[column] = value + 1 }
    return true
  }

  private func compare(
    _ world: RankWorld, ranks: Int, bytes: Int, filterSeen: Bool
  ) throws -> [(found: [Found], ranks: [[[Int32]]])] {
    try world.onRanks(ranks) { communicator in
      let workspace = Workspace(chunkBytes: 1 << 20)
      let shards = Shares.range(of: communicator.rank, ranks: ranks, count: world.dataset.shardCount)
      let texts = try CenteredTexts.make(
        items: RankWorld.items, width: 7, communicator: communicator, workspace: workspace, bytes: bytes, pool: Self.pool)
      let evaluator = Evaluator(
        world.dataset, shards: shards, cutoffs: [10, 100], communicator: communicator, catalogueBytes: bytes)
      let task = EvaluationTask(
        split: .test, evaluated: .all, history: History(filter: .all, length: 4), filterSeen: filterSeen)
      let standings = try evaluator.compare(
        world.model(communicator, userHead: nil), task, texts: texts, keepsRanks: true, workspace: workspace)
      let found = standings.map { Found(ranking: $0.ranking, metrics: $0.metrics, recommended: $0.recommended) }
      return (found, standings.map(\.ranks))
    }
  }

  @Test(arguments: [false, true]) func standingsDoNotDependOnTheNumberOfRanks(filterSeen: Bool) throws {
    let world = try RankWorld(shards: 3)
    let expected = try compare(world, ranks: 1, bytes: Catalogue.defaultBytes, filterSeen: filterSeen)[0]
    #expect(expected.found.count == 4 && expected.ranks[0].joined().count == RankWorld.users)
    #expect(expected.found.allSatisfy { ($0.recommended?.distinct ?? 0) >= 10 })
    // Deciles are among the groups that are compared.
    let deciles = expected.found[0].metrics.groups.filter { $0.kind == .decile }
    #expect(deciles.count == 10 && deciles.count { expected.found[0].metrics.users(in: $0) > 0 } > 1)
    for ranks in [1, 2, 3, 5] {
      for bytes in [Catalogue.defaultBytes, 0, 120_000] {
        let found = try compare(world, ranks: ranks, bytes: bytes, filterSeen: filterSeen)
        #expect(found.allSatisfy { $0.found == expected.found }, "\(ranks) ranks, \(bytes) bytes")
        // Each rank has its own shards' users; together they are all, in order.
        for ranking in 0..<4 { #expect(found.flatMap { $0.ranks[ranking] } == expected.ranks[ranking]) }
      }
    }
  }

  /// More columns than are summed at a time, and ranks without a list.
  @Test func sumsAreAddedInOrder() throws {
    let world = try RankWorld(shards: 1)
    let lists = (0..<3).map { list in RandomValues.floats(400_000, seed: UInt64(list), scale: 1).map(Double.init) }
    let expected = lists.dropFirst().reduce(lists[0]) { sums, list in zip(sums, list).map { $0 + $1 } }
    for ranks in [1, 2, 4] {
      let found = try world.onRanks(ranks) { communicator in
        let own = Shares.range(of: communicator.rank, ranks: ranks, count: 3)
        return try communicator.sumInOrder(Array(lists[own]), size: 400_000) == expected
      }
      #expect(found == Array(repeating: true, count: ranks))
    }
  }
}
