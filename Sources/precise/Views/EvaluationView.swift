import Evaluation
import Files
import Reporting
import Runs

/// A measurement as people read it: the model's metrics by group of users, then the same users ranked by what needs no training.
struct EvaluationView {
  private let entry: EvaluationRecord.Entry

  /// Shows a measurement.
  init(_ entry: EvaluationRecord.Entry) { self.entry = entry }

  /// The tables' lines.
  var lines: [String] {
    var lines = modelTable.lines
    if let recommended = entry.recommended, entry.metrics.users(in: .all) > 0 {
      let novelty = recommended.novelty.map { ", novelty \(HumanFormat.decimal($0, 2)) bits" } ?? ""
      lines.append(
        "first \(recommended.limit): \(HumanFormat.count(recommended.distinct)) of \(HumanFormat.count(recommended.items, "item")), "
          + "coverage \(HumanFormat.decimal(recommended.coverage, 4))\(novelty)")
    }
    if entry.isRequestTimeKnown { lines.append("request time known: the model reads when the event to be predicted happens") }
    if !entry.baselines.isEmpty { lines += [""] + comparison.lines }
    return lines
  }

  /// The cutoff that tables show: 10, or the largest below it.
  private var cutoff: Int { entry.metrics.cutoffs.last { $0 <= 10 } ?? entry.metrics.cutoffs.first ?? 10 }

  private var modelTable: TextTable {
    let columns = ["recall@\(cutoff)", "ndcg@\(cutoff)", "mrr"]
    var table = TextTable(
      [("\(entry.phase), \(entry.split)", .left), ("users", .right)] + columns.map { ($0, TextTable.Alignment.right) })
    for group in groups {
      table.append(
        [label(group), HumanFormat.count(entry.metrics.users(in: group))] + columns.map { cell($0, group, entry.metrics) })
    }
    return table
  }

  /// One metric of the model and all baselines.
  private var comparison: TextTable {
    let metric = "recall@\(cutoff)"
    let titles = ["model"] + entry.baselines.map { title($0.ranking) }
    var table = TextTable([(metric, .left)] + titles.map { ($0, TextTable.Alignment.right) })
    let all = [entry.metrics] + entry.baselines.map(\.metrics)
    for group in groups { table.append([label(group)] + all.map { cell(metric, group, $0) }) }
    table.append(["ndcg@\(cutoff), all"] + all.map { cell("ndcg@\(cutoff)", .all, $0) })
    let recommended = [entry.recommended] + entry.baselines.map(\.recommended)
    if let limit = entry.recommended?.limit {
      table.append(["coverage@\(limit)"] + recommended.map { $0.map { HumanFormat.decimal($0.coverage, 4) + noError } ?? "-" })
      table.append(
        ["novelty@\(limit)"] + recommended.map { $0?.novelty.map { HumanFormat.decimal($0, 3) + noError } ?? "-" })
    }
    return table
  }

  /// The buckets, and the scenes and behaviors that have users; deciles would be ten lines more, and are in the record.
  private var groups: [MetricGroup] {
    entry.metrics.groups.filter { $0.kind == .bucket || ($0.kind != .decile && entry.metrics.users(in: $0) > 0) }
  }

  private func label(_ group: MetricGroup) -> String {
    group.kind == .bucket ? group.name : "\(group.kind.rawValue) \(group.name)"
  }

  private func title(_ ranking: Standing.Ranking) -> String {
    switch ranking {
    case .model: "model"
    case .popularity: "popularity"
    case .text: "text search"
    case .history: "own history"
    }
  }

  /// What stands in place of ` ±.0009`.
  private var noError: String { "       " }

  /// `0.0630 ±.0009`; `-` without users.
  private func cell(_ metric: String, _ group: MetricGroup, _ metrics: RankingMetrics) -> String {
    guard let estimate = metrics.estimates(of: group).first(where: { $0.name == metric }) else { return "-" + noError }
    let error = estimate.standardError.map { " ±" + HumanFormat.decimal($0, 4).drop { $0 == "0" } } ?? noError
    return HumanFormat.decimal(estimate.mean, 4) + error
  }
}
