import Tensors
import TestSupport
import Testing

@testable import Evaluation

/// Ranks and first items by way of bfloat16 are those of float32, to the last one.
@Suite(.enabled(if: RoundedRows.isSupported(width: 64), "this processor does not multiply bfloat16")) struct ScreenedPassTests {
  private let workspace = Workspace(chunkBytes: 1 << 22)

  /// Ranks, first items, and which groups of users were screened to the end.
  private func rank(
    _ users: Matrix, _ items: Matrix, limit: Int, screens: Bool
  ) -> (ranks: [Int], first: [[Int32]], screened: [Bool]) {
    let ranking = Ranking(users: users.rows, width: users.columns, screens: screens, workspace: workspace)
    for user in 0..<users.rows {
      ranking.users.row(user).update(from: users.row(user), count: users.columns)
      ranking.setTarget(user, by: items, at: .kept(Array(user * 3..<user * 3 + 4)), workspace: workspace)
    }
    let first = limit > 0 ? FirstItems(users: users.rows, limit: limit, workspace: workspace) : nil
    for rows in [0..<600, 600..<items.rows] {
      ranking.count(
        items.rows(rows), from: rows.lowerBound, into: first, isExcluded: { (Int($1) + $0) % 5 == 0 }, workspace: workspace)
    }
    return (
      (0..<users.rows).map { ranking.rank(of: $0) },
      (0..<users.rows).map { user in first.map { Array($0.items(of: user)) } ?? [] },
      ranking.groups.indices.map { ranking.screened?[$0] ?? false }
    )
  }

  private func check(_ users: Matrix, _ items: Matrix, screened: [Bool]?, _ comment: String) {
    for limit in [0, 1, 10] {
      let plain = rank(users, items, limit: limit, screens: false)
      let found = rank(users, items, limit: limit, screens: true)
      #expect(found.ranks == plain.ranks && found.first == plain.first, "\(comment), \(limit) first items")
      #expect(
        (screened.map { found.screened == $0 } ?? true) && !plain.screened.contains(true), "\(comment), \(limit) first items")
    }
  }

  @Test(arguments: [33, 64]) func usualVectors(width: Int) {
    let users = GuardedMatrix.random(300, width, seed: 1)
    check(users, GuardedMatrix.random(3000, width, seed: 2), screened: [true, true, true], "random")
  }

  @Test func groupsOfWhichTooMuchStaysOpen() {
    let (users, items) = (GuardedMatrix.random(300, 40, seed: 3), GuardedMatrix.random(3000, 40, seed: 4))
    for user in 128..<256 { for column in 0..<40 { users[user, column] = 0 } }
    check(users, items, screened: [true, false, true], "zeros")
    for item in 0..<3000 { for column in 1..<40 { items[item, column] = 1 + 0x1p-9 * items[item, column] } }
    check(users, items, screened: [false, false, false], "items nearly alike")
  }

  @Test func brokenVectors() {
    let (users, items) = (GuardedMatrix.random(140, 40, seed: 5), GuardedMatrix.random(3000, 40, seed: 6))
    users[1, 3] = .nan
    users[2, 3] = .infinity
    items[9, 1] = .nan
    items[2500, 2] = -.infinity
    check(users, items, screened: nil, "not numbers")
  }

  /// Of equal scores the item that came first stands first, when it still waits for its score and its group is given up.
  @Test func waitingItemsComeBeforeLaterOnes() {
    let users = GuardedMatrix.random(20, 32, seed: 7)
    let items = GuardedMatrix.random(1800, 32, seed: 8, scale: 0.1)
    for user in 0..<20 { for column in 0..<32 { users[user, column] = 1 + 0.01 * users[user, column] } }
    for item in [1150] + Array(1624..<1800) { for column in 0..<32 { items[item, column] = 1 } }
    check(users, items, screened: nil, "copies of an item")
    let found = rank(users, items, limit: 3, screens: true)
    #expect(found.first[1] == [1150, 1625, 1626] && found.screened == [false])
  }
}
