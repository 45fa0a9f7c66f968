import Datasets
import TestSupport
import Testing

@testable import Evaluation

struct PopularityDecilesTests {
  /// Every trained item by count, equal counts by row, cut by hand into ten runs.
  @Test func tenRunsOfTheTrainedItems() {
    // 37 trained items with many equal counts among 50.
    let counts = (0..<50).map { UInt32($0 % 4 == 3 ? 0 : RandomValues.bits(seed: 3, $0) % 9 + 1) }
    let deciles = PopularityDeciles(trainCounts: lasting(counts))
    let trained = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$0], $1) > (counts[$1], $0) }
    #expect(trained.count == 38)
    // 38 · k / 10, rounded down.
    let edges = [0, 3, 7, 11, 15, 19, 22, 26, 30, 34, 38]
    for decile in 0..<10 {
      let own = Array(trained[edges[decile]..<edges[decile + 1]])
      #expect(own.allSatisfy { deciles.number(of: $0) == decile }, "decile \(decile + 1)")
      let group = deciles.groups[decile]
      #expect(group.kind == .decile && group.name == "decile_\(decile + 1)")
      #expect(group.trainEvents == Int(counts[own[own.count - 1]])...Int(counts[own[0]]))
    }
    #expect(counts.indices.filter { deciles.number(of: $0) == nil } == counts.indices.filter { counts[$0] == 0 })
  }

  @Test func fewerThanTenTrainedItemsHaveNone() {
    let nine = PopularityDeciles(trainCounts: lasting([1, 1, 1, 0, 1, 1, 1, 1, 1, 1]))
    #expect(nine.groups.isEmpty && (0..<10).allSatisfy { nine.number(of: $0) == nil })
    let ten = PopularityDeciles(trainCounts: lasting([1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]))
    #expect(ten.groups.count == 10 && [0, 1, 2, 4, 10].map { ten.number(of: $0) } == [0, 1, 2, 3, 9])
    #expect(PopularityDeciles(trainCounts: lasting([])).groups.isEmpty)
  }

  /// Users of all deciles are those whose item has a training event.
  @Test func everyUserOfATrainedItemIsInOne() throws {
    let world = try TinyWorld()
    for standing in try world.evaluator().compare(world.model(), world.task(.test), workspace: world.workspace) {
      let users = standing.metrics.groups.filter { $0.kind == .decile }.map(standing.metrics.users)
      #expect(users.count == 10 && users.count { $0 > 0 } > 5)
      #expect(users.reduce(0, +) == standing.metrics.users(in: "all") - standing.metrics.users(in: "unseen"))
    }
  }
}
