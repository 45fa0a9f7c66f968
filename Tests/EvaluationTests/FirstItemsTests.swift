import Tensors
import TestSupport
import Testing

@testable import Evaluation

struct FirstItemsTests {
  private let workspace = Workspace(chunkBytes: 1 << 20)

  @Test func theBestStandFirstAndEqualOnesByRow() {
    let first = FirstItems(users: 2, limit: 3, workspace: workspace)
    for (item, score) in [(0, 1), (1, 5), (2, 1), (3, 5), (4, 2)] as [(Int32, Float)] where score > first.threshold(1) {
      first.insert(item, score, for: 1)
    }
    #expect(Array(first.items(of: 1)) == [1, 3, 4] && first.items(of: 0).isEmpty)
    #expect(first.threshold(1) == 2 && first.threshold(0) == -.infinity && first.isFull(1) && !first.isFull(0))
  }

  /// Scores in several blocks, with equal and broken ones among them.
  @Test(arguments: [1, 10]) func countsAndListsAreThoseOfAPlainLoop(limit: Int) {
    let (users, items, width) = (150, 1200, 3)
    let values = RandomValues.floats((users + items) * width, seed: 3, scale: 1).map { ($0 * 8).rounded() }
    let catalogue = GuardedMatrix.make(Array(values[(users * width)...]), rows: items, columns: width)
    catalogue[700, 1] = .nan
    let ranking = Ranking(users: users, width: width, workspace: workspace)
    let plain = Ranking(users: users, width: width, workspace: workspace)
    for index in 0..<users * width { (ranking.users.base[index], plain.users.base[index]) = (values[index], values[index]) }
    for user in 0..<users {
      for ranking in [ranking, plain] { ranking.setTarget(user, by: catalogue, at: .kept([user * 7]), workspace: workspace) }
    }
    let first = FirstItems(users: users, limit: limit, workspace: workspace)
    let isExcluded: (Int, Int32) -> Bool = { (Int($1) + $0) % 4 == 0 }
    for rows in [0..<1000, 1000..<1200] {
      ranking.count(catalogue.rows(rows), from: rows.lowerBound, into: first, isExcluded: isExcluded, workspace: workspace)
      plain.count(catalogue.rows(rows), workspace: workspace)
    }
    for user in 0..<users {
      #expect(ranking.rank(of: user) == plain.rank(of: user))
      let scores = (0..<items).map { item in (0..<width).reduce(Float(0)) { $0 + values[user * width + $1] * catalogue[item, $1] }
      }
      let expected = (0..<items).filter { !isExcluded(user, Int32($0)) && !scores[$0].isNaN }
        .sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(limit)
      #expect(first.items(of: user).map(Int.init) == Array(expected), "user \(user)")
    }
  }
}
