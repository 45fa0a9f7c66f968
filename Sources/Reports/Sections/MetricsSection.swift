import Files
import Pictures

/// What users get: metrics by popularity bucket, scene and behavior, with errors and with what needs no training.
struct MetricsSection {
  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  var section: Section {
    var content: [Html] = runs.filter(\.evaluation.entries.isEmpty).map(Self.missing)
    let phases = PhaseRankings.all(runs)
    if !phases.isEmpty {
      content.append(
        Html(
          .p, [.style("note")],
          text:
            "Each user's held-out item is ranked among all items of the catalogue. Whiskers, and what stands behind ±, are one "
            + "standard error; 1.96 of them to each side are a 95 % interval. Head are the 20 % of the items with the most training "
            + "events, mid the next 30 %, tail the rest; cold items have at most 5 training events, unseen ones none."))
    }
    content += phases.enumerated().flatMap { phase($1, number: $0) }
    return Section(id: "metrics", title: "Metrics", content: content)
  }

  /// What is said where there is no evaluation yet.
  static func missing(_ run: ReportedRun) -> Html {
    .command(
      "\(run.name) is not evaluated yet; ", "precise evaluate \(shellWord(run.path))", " measures it and makes evaluation.json.")
  }

  private func phase(_ phase: PhaseRankings, number: Int) -> [Html] {
    let id = "metrics-\(number)"
    let heading = Html(.h3, [], [.name(phase.phase), .text(", \(phase.event)")])
    var content = [heading]
    let metrics = Array(phase.metrics.prefix(2))
    content.append(.grid(metrics.enumerated().map { figure(phase, .bucket, $1, id: "\(id)-bucket-\($0)") }))
    content += [.legend(phase.legend()), .folded("Numbers", Self.tables(phase, .bucket))]
    for kind in [EvaluationFile.Group.Kind.scene, .behavior] where !phase.groups(kind).isEmpty {
      content.append(Html(.h4, text: kind == .scene ? "By scene" : "By behavior"))
      content.append(.grid(metrics.enumerated().map { figure(phase, kind, $1, id: "\(id)-\(kind.rawValue)-\($0)") }))
      content += [.legend(phase.legend()), .folded("Numbers", Self.tables(phase, kind))]
    }
    content.append(everything(phase))
    return content
  }

  private func figure(_ phase: PhaseRankings, _ kind: EvaluationFile.Group.Kind, _ metric: String, id: String) -> Html {
    // More groups than there is room for are in the table.
    let groups = Array(phase.groups(kind).prefix(8))
    let panel = DotPicture.Panel(
      title: "", groups: groups.map(\.name), values: groups.map { group in phase.series.map { $0.mark(group, metric) } })
    let series = phase.series.map { DotPicture.Series($0.entry, group: $0.group) }
    let picture = DotPicture(
      title: "\(metric), \(phase.phase), \(phase.event)", of: metric, series: series, panels: [panel], format: .figure,
      hasLegend: false
    ).picture
    return Figure(id: id, title: metric, note: "by \(kind == .bucket ? "popularity" : kind.rawValue)", picture: picture).html
  }

  /// A table for each main metric: a row for each ranking, a column for each group.
  static func tables(_ phase: PhaseRankings, _ kind: EvaluationFile.Group.Kind) -> [Html] {
    let groups = phase.groups(kind)
    return phase.metrics.map { metric in
      let users = DataTable.Row(
        .text("users"), groups.map { .count(phase.first.run.evaluation.users(phase.first.source, $0)) }, group: phase.first.group)
      let rows = phase.series.map { series in
        DataTable.Row(
          series.head, groups.map { .estimate(series.value($0, metric), series.error($0, metric)) }, group: series.group)
      }
      return DataTable(
        "\(metric), \(phase.phase), \(phase.event)", heads: [.text("ranked by")] + groups.map { .name($0.name) },
        rows: [users] + rows
      ).html
    }
  }

  private func everything(_ phase: PhaseRankings) -> Html {
    let metrics = phase.allMetrics
    let rows = phase.series.map { series in
      DataTable.Row(series.head, metrics.map { .estimate(series.value(.all, $0), series.error(.all, $0)) }, group: series.group)
    }
    let rules = phase.first.run.evaluation.protocolFields(phase.first.source).map { "\($0.key): \($0.value)" }.joined(
      separator: "; ")
    return .folded(
      "Every metric, all users, and the protocol",
      [
        DataTable("Every metric, all users, \(phase.phase), \(phase.event)", heads: ["ranked by"] + metrics, rows: rows).html,
        Html(.p, [.style("note")], text: "Protocol: \(rules)."),
      ])
  }
}
