import Files
import Pictures

/// How well held-out items are found by how often they were trained on: tenths of the trained items, and the unseen ones.
struct PopularitySection {
  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  var section: Section {
    let phases = PhaseRankings.all(runs).filter { !$0.groups(.decile).isEmpty }
    var content = phases.enumerated().flatMap { phase($1, number: $0) }
    if phases.isEmpty { content.append(missing) }
    return Section(id: "popularity", title: "Recall by popularity", content: content)
  }

  private var missing: Html {
    let path = runs.first.map { shellWord($0.path) } ?? "run/"
    return .command(
      "evaluation.json has no metrics by tenth of popularity, which earlier versions did not record; ",
      "precise evaluate \(path)",
      " measures them.")
  }

  private func phase(_ phase: PhaseRankings, number: Int) -> [Html] {
    let deciles = phase.groups(.decile)
    let hasUnseen = (phase.first.run.evaluation.users(phase.first.source, .unseen)?.value ?? 0) > 0
    let groups = (hasUnseen ? [EvaluationFile.Group.unseen] : []) + deciles
    let labels = groups.map { label($0, phase) }
    let figures = phase.metrics.prefix(2).enumerated().map { index, metric in
      figure(phase, groups, labels, metric, id: "popularity-\(number)-\(index)")
    }
    return [
      Html(.h3, [], [.name(phase.phase), .text(", \(phase.event)")]), .grid(figures),
      .legend(phase.legend(isLine: true)), .folded("Numbers", phase.metrics.prefix(2).map { table(phase, groups, $0) }),
    ]
  }

  /// The training events of a tenth's items.
  private func label(_ group: EvaluationFile.Group, _ phase: PhaseRankings) -> String {
    guard group.kind == .decile else { return "unseen" }
    guard let ends = events(group, phase) else { return group.name }
    return ends[0].value == ends[1].value ? ends[0].count : "\(ends[0].count)–\(ends[1].count)"
  }

  private func events(_ group: EvaluationFile.Group, _ phase: PhaseRankings) -> [RecordedNumber]? {
    phase.series.lazy.compactMap { $0.run.evaluation.trainEvents($0.source, group) }.first
  }

  private func figure(
    _ phase: PhaseRankings, _ groups: [EvaluationFile.Group], _ labels: [String], _ metric: String, id: String
  ) -> Html {
    let lines = phase.series.flatMap { series -> [LinePicture.Line] in
      func line(_ groups: [(offset: Int, element: EvaluationFile.Group)]) -> LinePicture.Line? {
        let points = groups.compactMap { index, group in
          series.mark(group, metric, labels[index]).map { LinePicture.Point(x: Double(index), $0) }
        }
        guard !points.isEmpty else { return nil }
        let entry = series.entry
        return LinePicture.Line(
          name: entry.name, color: entry.color, dash: entry.dash, group: series.group, shape: entry.shape, points: points)
      }
      let all = Array(groups.enumerated())
      // No line leads to the unseen items: they are no tenth.
      return [line(all.filter { $0.element.kind != .decile }), line(all.filter { $0.element.kind == .decile })].compactMap { $0 }
    }
    let short = labels.enumerated().map { index, label in
      (x: Double(index), text: groups[index].kind == .decile ? Self.short(label) : label)
    }
    var panel = LinePicture.Panel(
      title: "", axis: "tenths of the items, by fewest training events", labels: short, lines: lines)
    panel.hasWhiskers = true
    var format = Picture.Format.figure
    format.panelHeight = 270
    let picture = LinePicture(
      title: "\(metric) by popularity, \(phase.phase)", of: metric, panels: [panel], format: format, hasLegend: false
    ).picture
    return Figure(id: id, title: metric, note: "rare items left, popular ones right", picture: picture).html
  }

  /// Of a range its lower end, which the axis has room for.
  private static func short(_ label: String) -> String { String(label.prefix { $0 != "–" }) }

  private func table(_ phase: PhaseRankings, _ groups: [EvaluationFile.Group], _ metric: String) -> Html {
    let rows = groups.map { group -> DataTable.Row in
      let ends = events(group, phase)
      return DataTable.Row(
        .text(group.kind == .decile ? group.name.replacing("decile_", with: "tenth ") : "unseen"),
        [.count(ends?[0]), .count(ends?[1]), .count(phase.first.run.evaluation.users(phase.first.source, group))]
          + phase.series.map { .estimate($0.value(group, metric), $0.error(group, metric)) })
    }
    return DataTable(
      "\(metric) by popularity, \(phase.phase), \(phase.event)",
      heads: [.text("items"), .text("fewest events"), .text("most events"), .text("users")]
        + phase.series.map { .name($0.entry.name) }, rows: rows
    ).html
  }
}
