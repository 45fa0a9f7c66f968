package import Collectives
import Config
import Datasets
import Evaluation
import Files
import Foundation

/// One line a evaluated user and way of ranking, as csv: what paired tests need.
///
/// Columns are named as the metrics are, and their means over a group of users are the metrics of the group. Rank 0 writes, virtual shard by
/// virtual shard, so the bytes are the same on any number of ranks.
package final class UserRankFile {
  private static let fields = [
    "phase", "split", "ranked_by", "user", "item", "rank", "history", "bucket", "scene", "behavior", "train_events",
  ]

  private let dataset: Dataset
  private let communicator: any Communicator
  private let cutoffs: [Int]
  private let buckets: PopularityBuckets
  private let trainCounts: UnsafeBufferPointer<UInt32>
  private var sink: TextSink?

  /// Starts the file on rank 0, gzipped when its name ends in `.gz`; it appears when everything has been written.
  ///
  /// Throws `InputError` when a file of that name is there and may not be replaced, and when it cannot be made.
  package init(path: String, overwrite: Bool, _ run: TrainedRun, communicator: any Communicator) throws {
    (dataset, self.communicator) = (run.dataset, communicator)
    cutoffs = run.config.evaluation.cutoffs(items: run.dataset.items.count)
    trainCounts = run.trainCounts
    buckets = PopularityBuckets(trainCounts: trainCounts)
    guard communicator.isFirst else { return }
    if !overwrite && Self.isFile(path) {
      throw InputError("\(path) is there already; give --overwrite to replace it or name another --per-user")
    }
    sink = try TextSink(path: path)
    let metrics = ["recall", "ndcg"].flatMap { name in cutoffs.map { "\(name)@\($0)" } } + ["mrr"]
    try sink?.write((Self.fields + metrics).joined(separator: ",") + "\n")
  }

  /// Whether a plain file stands under a name; a device or pipe is written into.
  private static func isFile(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: CanonicalPath(path).text)
    return attributes?[.type] as? FileAttributeType == .typeRegular
  }

  /// Appends the evaluated users of a measurement; collective.
  ///
  /// - Parameter standings: those of this rank's virtual shards, `shards`, with every user's rank.
  /// - Throws: `InputError` when the disk refuses.
  func append(_ standings: [Standing], of shards: Range<Int>, _ task: EvaluationTask, phase: String, split: String) throws {
    let head = "\(CSVField.quoted(phase)),\(split)"
    for shard in 0..<dataset.shardCount {
      let own = shards.contains(shard) ? standings.flatMap { $0.ranks[shard - shards.lowerBound] } : []
      let ranks = try communicator.gatherToFirst(own)
      guard communicator.isFirst else { continue }
      try append(dataset.shard(shard), task, head, standings.map(\.ranking), ranks)
    }
  }

  /// Appends the users of a shard; `ranks` holds those of all its users by the first ranking, then by the second.
  private func append(
    _ shard: UserShard, _ task: EvaluationTask, _ head: String, _ rankings: [Standing.Ranking], _ ranks: [Int32]
  ) throws {
    let users = EvaluatedUsers.users(of: shard, task)
    precondition(ranks.count == users.count * rankings.count, "\(ranks.count) ranks of \(users.count) users")
    for (index, evaluated) in users.enumerated() {
      let events = shard.events(evaluated.user)
      let item = Int(events.items[evaluated.event])
      let names = [
        dataset.scenes[Int(events.scenes[evaluated.event])], dataset.behaviors[Int(events.behaviors[evaluated.event])],
      ].map(CSVField.quoted).joined(separator: ",")
      let user = "\(CSVField.quoted(shard.id(evaluated.user))),\(CSVField.quoted(dataset.items.id(item)))"
      let bucket = buckets.share(of: item)
      for (number, ranking) in rankings.enumerated() {
        let rank = Int(ranks[number * users.count + index])
        try sink?.write(
          "\(head),\(ranking.rawValue),\(user),\(rank),\(evaluated.event),\(bucket),\(names),\(trainCounts[item]),\(metrics(rank))\n"
        )
      }
    }
  }

  /// A user's own recall, NDCG and reciprocal rank.
  private func metrics(_ rank: Int) -> String {
    let recall = cutoffs.map { rank <= $0 ? "1" : "0" }
    let gain = cutoffs.map { rank <= $0 ? "\(1 / log2(Double(rank) + 1))" : "0" }
    return (recall + gain + ["\(1 / Double(rank))"]).joined(separator: ",")
  }

  /// Puts the file under its name.
  ///
  /// Throws `InputError` when the disk refuses.
  package func commit() throws {
    if let sink = sink.take() { try sink.commit() }
  }
}
