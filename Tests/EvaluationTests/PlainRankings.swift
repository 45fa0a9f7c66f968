import Datasets
import Evaluation
import Foundation
import Tensors

/// What every ranking of a data set's users must come to, by plain loops over scores in float64.
struct PlainRankings {
  let dataset: Dataset
  let task: EvaluationTask
  /// Each item's text vector; zeros without text.
  let texts: [[Float]]

  /// A evaluated user, in the order of shards.
  struct User {
    let target: Int
    let seen: [Int]
    let history: [Int]
    let scene: Int
  }

  /// The evaluated users of each shard.
  func users() throws -> [[User]] {
    try (0..<dataset.shardCount).map { number in
      let shard = try dataset.shard(number)
      return (0..<shard.userCount).compactMap { user in
        let events = shard.events(user)
        guard let event = task.split == .test ? events.test : events.validation, task.evaluated.matches(events, event) else {
          return nil
        }
        let batch = SequenceBatch()
        task.history.append(events, before: event, slot: 0, to: batch)
        let seen = task.filterSeen ? Set(events.items[..<event]).subtracting([events.items[event]]).map(Int.init) : []
        return User(
          target: Int(events.items[event]), seen: seen, history: batch.items.values.map(Int.init),
          scene: Int(events.scenes[event]))
      }
    }
  }

  /// A user's scores of all items; nil for what must be asked of the model.
  func scores(_ ranking: Standing.Ranking, _ user: User) -> [Double]? {
    let counts = dataset.items.trainCounts.map(Double.init)
    switch ranking {
    case .model: return nil
    case .popularity: return counts
    case .text:
      guard let last = user.history.last else { return counts.map { _ in 0 } }
      return texts.map { zip($0, texts[last]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } }
    case .history:
      return counts.indices.map { item in
        guard let last = user.history.lastIndex(of: item) else { return counts[item] }
        return 1e12 + 1e6 * Double(user.history.count { $0 == item }) + Double(last)
      }
    }
  }

  /// The target's rank, from 1, with ties against it.
  func rank(_ scores: [Double], _ user: User) -> Int {
    1 + scores.indices.count { $0 != user.target && !user.seen.contains($0) && scores[$0] >= scores[user.target] }
  }

  /// The first items.
  func first(_ count: Int, _ scores: [Double], _ user: User) -> [Int] {
    Array(
      scores.indices.filter { !user.seen.contains($0) }.sorted { (scores[$0], $1) > (scores[$1], $0) }.prefix(count))
  }

  /// Coverage and novelty of lists, by their definition.
  func recommended(_ lists: [[Int]]) -> (distinct: Int, novelty: Double) {
    let counts = dataset.items.trainCounts.map(Double.init)
    let all = lists.flatMap { $0 }
    let information = all.map { -log2(max(counts[$0], 1) / counts.reduce(0, +)) }
    return (Set(all).count, information.reduce(0, +) / Double(all.count))
  }
}
