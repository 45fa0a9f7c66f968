import Files
import Pictures

extension ReportedRun {
  /// The class of everything that is of this run alone.
  var group: String { "run-\(index)" }
  /// Its color.
  var color: String { Picture.color(index) }
  /// It in a legend.
  var entry: Picture.Entry { Picture.Entry(name: name, color: color) }
}

/// A ranking of users as tables and pictures of metrics have it: a run's model, or something that needs no training.
struct RankingSeries {
  let run: ReportedRun
  /// Where its numbers stand.
  let source: EvaluationFile.Entry
  let ranking: EvaluationFile.Ranking
  let entry: Picture.Entry
  /// The class of what a page can hide; nil for what is of no run alone.
  let group: String?

  func value(_ group: EvaluationFile.Group, _ metric: String) -> RecordedNumber? {
    run.evaluation.value(source, ranking, group, metric)
  }

  func error(_ group: EvaluationFile.Group, _ metric: String) -> RecordedNumber? {
    run.evaluation.error(source, ranking, group, metric)
  }

  /// A metric as a picture shows it, with its standard error.
  func mark(_ group: EvaluationFile.Group, _ metric: String, _ groupName: String? = nil) -> Mark? {
    guard let value = value(group, metric) else { return nil }
    let error = error(group, metric)
    let tip = "\(entry.name), \(groupName ?? group.name): \(value.rounded(4))" + (error.map { " ± " + $0.rounded(4) } ?? "")
    return Mark(value.value, error: error?.value, tip: tip)
  }

  /// Its name with its mark.
  var head: Html { .all([.swatch(entry, hasLine: false), .text(" "), .name(entry.name)]) }
}

/// The rankings of one phase in all runs: each run's model, the universal phase on the same users, then what needs no training.
struct PhaseRankings {
  let phase: String
  /// `test`, or `validation` where that is what there is.
  let event: String
  let series: [RankingSeries]

  /// Nil when no run was evaluated on the phase.
  init?(_ phase: String, _ runs: [ReportedRun]) {
    let shown = runs.map { ($0, $0.evaluation.shown(phase: phase)) }
    guard let event = shown.flatMap(\.1).map(\.event).min(by: { $0 == "test" && $1 != "test" }) else { return nil }
    (self.phase, self.event) = (phase, event)
    var series: [RankingSeries] = []
    var measured: [String] = []
    for (run, entries) in shown {
      for entry in entries where entry.event == event {
        let name = Self.name(run, entry, isAlone: runs.count == 1)
        series.append(
          RankingSeries(
            run: run, source: entry, ranking: .model,
            entry: .init(name: name, color: run.color, shape: entry.isOfUniversal ? .ring : .circle),
            group: runs.count > 1 ? run.group : nil))
      }
    }
    for (run, entries) in shown {
      guard let entry = entries.first(where: { $0.event == event && !$0.isOfUniversal }) else { continue }
      // Runs that were measured alike have the same baselines.
      let fields = run.evaluation.protocolFields(entry).filter { $0.key != "checkpoint" }.map { "\($0.key)=\($0.value)" }.joined(
        separator: "\n")
      guard !measured.contains(fields) else { continue }
      measured.append(fields)
      series += Self.baselines(run, entry, names: measured.count > 1)
    }
    self.series = series
  }

  private static func name(_ run: ReportedRun, _ entry: EvaluationFile.Entry, isAlone: Bool) -> String {
    guard isAlone else { return run.name + (entry.isOfUniversal ? ", universal phase" : "") }
    return "\(entry.isOfUniversal ? "universal" : entry.phase) phase"
  }

  private static func baselines(_ run: ReportedRun, _ entry: EvaluationFile.Entry, names: Bool) -> [RankingSeries] {
    let shapes: [Picture.Shape] = [.square, .triangle, .diamond, .ring]
    return run.evaluation.rankings(entry).enumerated().compactMap { index, ranking in
      guard case .baseline(let name) = ranking else { return nil }
      return RankingSeries(
        run: run, source: entry, ranking: ranking,
        entry: .init(
          name: Self.title(name) + (names ? ", data of \(run.name)" : ""), color: Picture.gray,
          dash: Picture.dashes[(index + 2) % Picture.dashes.count], shape: shapes[(index + 3) % shapes.count]), group: nil)
    }
  }

  private static func title(_ baseline: String) -> String {
    switch baseline {
    case "popularity": "popularity"
    case "text": "text search"
    case "history": "own history"
    default: baseline
    }
  }

  /// The groups of a kind that any run has.
  func groups(_ kind: EvaluationFile.Group.Kind) -> [EvaluationFile.Group] {
    RunComparison.union(series.map { $0.run.evaluation.groups($0.source, kind) })
  }

  /// The metrics that are shown.
  var metrics: [String] { RunComparison.union(series.map { $0.run.evaluation.mainMetrics($0.source) }) }

  /// Every recorded metric.
  var allMetrics: [String] { RunComparison.union(series.map { $0.run.evaluation.metrics($0.source) }) }

  /// The first series of a model, whose users the tables name.
  var first: RankingSeries { series[0] }

  /// The legend of a picture of all series.
  func legend(isLine: Bool = false) -> [Figure.Entry] {
    series.map { Figure.Entry(entry: $0.entry, group: $0.group, isLine: isLine) }
  }

  /// The phases that any run was evaluated on, in order.
  static func all(_ runs: [ReportedRun]) -> [PhaseRankings] {
    RunComparison.union(runs.map { $0.evaluation.entries.map(\.phase) }).compactMap { PhaseRankings($0, runs) }
  }
}
