import Evaluation
import Files
import TestSupport

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
    return scores[user * items..<(user + 1) * items].withUnsafeBufferPointer {
      Ranking.rank(of: targets[user], scores: $0, excluded: seen)
    }
  }
}
