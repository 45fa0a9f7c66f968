import Files
import Tensors
import TestSupport

@testable import Evaluation

/// One case of `Tests/References/make_metrics_fixture.py`: scores, targets and what must come of them.
struct MetricsFixture {
  /// What is expected of a bucket: its users and, with any, its means by name.
  typealias Bucket = [String: Double]

  let items: Int
  let scores: [Float]
  let targets: [Int]
  let trainCounts: [UInt32]
  let expected: [String: [String: Bucket]]
  private let file: FixtureFile
  private let seenItems: [Int]
  private let seenOffsets: [Int]

  init(_ name: String) throws {
    file = try FixtureFile(named: "metrics/\(name)")
    items = try file.shape("scores")[1]
    scores = try file.floats("scores")
    targets = try file.ints("targets")
    trainCounts = try file.ints("train_counts").map(UInt32.init)
    seenItems = try file.ints("seen.items")
    seenOffsets = try file.ints("seen.offsets")
    expected = try file.decode([String: [String: Bucket]].self, from: "expected")
  }

  /// The expected ranks: `unfiltered` or `filtered`.
  func ranks(_ variant: String) throws -> [Int] { try file.ints("rank.\(variant)") }

  /// Our rank of a user's target.
  func rank(_ user: Int, _ variant: String) -> Int {
    let seen = variant == "filtered" ? seenItems[seenOffsets[user]..<seenOffsets[user + 1]].map(Int32.init) : []
    return rankAmong(Array(scores[user * items..<(user + 1) * items]), targets[user], excluded: seen)
  }
}

/// The rank of a target among given scores: those of a user [1] and items of width 1, which come in two pieces.
func rankAmong(_ scores: [Float], _ target: Int, excluded: [Int32] = []) -> Int {
  let workspace = Workspace(chunkBytes: 1 << 16)
  let items = GuardedMatrix.make(scores, rows: scores.count, columns: 1)
  let targets = [scores[target]] + excluded.filter { Int($0) != target }.map { scores[Int($0)] }
  let ranking = Ranking(users: 1, width: 1, workspace: workspace)
  ranking.users[0, 0] = 1
  ranking.setTarget(
    0, by: GuardedMatrix.make(targets, rows: targets.count, columns: 1), at: .kept(Array(targets.indices)), workspace: workspace)
  ranking.count(items.rows(0..<scores.count / 3), workspace: workspace)
  ranking.count(items.rows(scores.count / 3..<scores.count), workspace: workspace)
  return ranking.rank(of: 0)
}
